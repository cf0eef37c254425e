"""A real Kubernetes of one node, for tests: `python -m node up`, from the folder above. README.md says how it works."""
