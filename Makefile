# One word per job. Everything is made inside this folder, most of it in .venv; `make clean` removes it again.

# Trials are started as `python …`: they must find the Python that katib is installed in.
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"
# Once the tools of development are installed, keep them up to date too.
READY := $(or $(wildcard .venv/.dev),.venv/.all)
# Each process takes tests that stand together: what a module's tests share is made once.
PYTEST_ARGS ?= -n 2 --dist worksteal
GENERATED := katib/rpc/descriptors.binpb katib/rpc/*.pyi
MAKEFLAGS += --no-print-directory

# Where KUBECONFIG leads to a cluster, tests use that; elsewhere one is started.
NODE := cd tests/cluster && ../../.venv/bin/python -m node
STATE := $(or $(XDG_STATE_HOME),$(HOME)/.local/state)
TEST_KUBECONFIG := $(or $(KUBECONFIG),$(STATE)/katib-cluster/kubeconfig)

.PHONY: help run test images test-cluster cluster-up cluster-down check docs crds proto base fmt clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## install katib and run examples/quickstart to its best trial
	@rm -rf .quickstart && mkdir .quickstart
	@cd .quickstart && $(IN_VENV) katib run ../examples/quickstart/experiment.yaml
	@echo "Its store is .quickstart/katib.db. Look around: cd .quickstart && ../.venv/bin/katib trials quickstart"

test: .venv/.dev ## the same, then the whole test suite
	@$(MAKE) run
	@$(IN_VENV) pytest $(PYTEST_ARGS)

cluster-up: .venv/.dev ## start a real Kubernetes of one node for tests: tests/cluster/README.md
	@$(if $(KUBECONFIG),echo "KUBECONFIG is set: tests use that cluster",$(NODE) up)

cluster-down: .venv/.dev ## end it, and remove what it wrote
	@$(NODE) down

images: .venv/.dev ## build the container images into build/images, with docker or buildah
	@scripts/images

# The node reaches no registry: its images are built on a base of our own, of packages that are fetched here.
test-cluster: cluster-up ## the tests on a real cluster
	@$(if $(KUBECONFIG),,BASE="oci-archive:$$($(NODE) base | tail -n 1)" WHEELS=1 scripts/images && $(NODE) load ../../build/images/*.tar)
	@KATIB_TEST_KUBECONFIG="$(TEST_KUBECONFIG)" .venv/bin/pytest tests/cluster

check: .venv/.dev ## style, types, import order, generated documents
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@before=$$(cat docs/*.md docs/*/*.md | cksum); $(MAKE) docs; [ "$$before" = "$$(cat docs/*.md docs/*/*.md | cksum)" ] || \
		{ echo "docs/ did not say what the types say. It does now: look at it and commit it."; exit 1; }
	@before=$$(cat manifests/crds/* | cksum); $(MAKE) crds; [ "$$before" = "$$(cat manifests/crds/* | cksum)" ] || \
		{ echo "manifests/crds did not say what the types say. It does now: look at it and commit it."; exit 1; }
	@before=$$(cat $(GENERATED) | cksum); $(MAKE) proto; [ "$$before" = "$$(cat $(GENERATED) | cksum)" ] || \
		{ echo "katib/rpc did not say what proto/ says. It does now: look at it and commit it."; exit 1; }

docs: .venv/.dev ## write the generated pages of docs/
	.venv/bin/python -m katib.spec.reference
	.venv/bin/python -m katib.suggestion.reference

crds: .venv/.dev ## write manifests/crds
	.venv/bin/python -m katib.spec.crd

proto: .venv/.dev ## write what katib/rpc needs of proto/
	.venv/bin/python scripts/protos

base: $(READY) ## the wheel without extras, in an environment of its own
	@scripts/check-base .venv/bin/python

fmt: .venv/.dev ## put the code into the project's form
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean: ## remove what make made: .venv, caches, the quickstart's store
	rm -rf .venv .quickstart .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# After this folder was moved, .venv points to where it was: build it again.
ifeq ($(shell grep -sF "$(CURDIR)/.venv" .venv/bin/activate),)
.PHONY: .venv/.all .venv/.dev
endif

# A stamp is newer than what it was made from: the next `make` finds everything installed and starts at once.
.venv/.all: pyproject.toml scripts/venv
	@scripts/venv .venv all
	@touch $@

.venv/.dev: pyproject.toml scripts/venv
	@scripts/venv .venv dev
	@touch .venv/.all $@
