"""What the document is, and its name."""

from collections.abc import Iterator

from katib.core.names import STUDY_NAME, STUDY_NAME_LIMIT
from katib.errors import Fault
from katib.spec.experiment import API_VERSION, KIND, Experiment
from katib.spec.rules.table import Cluster, Rule, by_type

NAME_WANTED = f"a lower-case letter, then lower-case letters, digits and `-`, at most {STUDY_NAME_LIMIT} characters"


def _kind(experiment: Experiment) -> Iterator[Fault]:
    if experiment.api_version != API_VERSION:
        yield Fault(path="apiVersion", given=experiment.api_version, wanted=f"`{API_VERSION}`")
    if experiment.kind != KIND:
        yield Fault(path="kind", given=experiment.kind, wanted=f"`{KIND}`")


def _name(experiment: Experiment) -> Iterator[Fault]:
    name = experiment.metadata.name
    if name and len(name) <= STUDY_NAME_LIMIT and STUDY_NAME.fullmatch(name):
        return
    hint = "a name ends with a letter or digit" if name.endswith("-") else ""
    if not name and experiment.metadata.generate_name:
        hint = "generateName needs a cluster; give a name"
    yield Fault(path="metadata.name", given=name, wanted=NAME_WANTED, hint=hint)


CLIENTS_NAME_LIMIT = 200
CLIENTS_NAME_WANTED = f"1 to {CLIENTS_NAME_LIMIT} printable characters"


def _clients_name(experiment: Experiment) -> Iterator[Fault]:
    name = experiment.metadata.name
    if not 1 <= len(name) <= CLIENTS_NAME_LIMIT or not name.isprintable():
        yield Fault(path="metadata.name", given=name, wanted=CLIENTS_NAME_WANTED)


RULES = (
    Rule(
        id="kind",
        refuses=f"another apiVersion than `{API_VERSION}`, another kind than `{KIND}`",
        check=_kind,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="unknown-field",
        refuses="a field that v1beta1 does not have",
        check=by_type,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="field-type",
        refuses="a value of another type than the field's; counts outside int32; numbers that are not finite",
        check=by_type,
        cluster=Cluster.CRD,
    ),
    Rule(id="name", refuses=f"a name that is not {NAME_WANTED}", check=_name, cluster=Cluster.CRD, katib=1),
)

RUN_BY_CLIENTS = (
    *(rule for rule in RULES if rule.id != "name"),
    Rule(
        id="clients-name",
        refuses=f"a name that is not {CLIENTS_NAME_WANTED}",
        check=_clients_name,
        cluster=Cluster.OPERATOR,
    ),
)
"""Of a study that its clients run: its name is in no Kubernetes object."""
