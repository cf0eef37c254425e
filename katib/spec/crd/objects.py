"""The three CustomResourceDefinitions: names, columns and schemas."""

from typing import Any

from katib.spec.crd.keeps import keep
from katib.spec.crd.structural import Schema, structural
from katib.spec.experiment import API_VERSION, ExperimentSpec, Model
from katib.spec.mirror import ExperimentStatus, SuggestionSpec, SuggestionStatus, TrialSpec, TrialStatus

GROUP, VERSION = API_VERSION.split("/")

Column = dict[str, str]

_TYPE: Column = {"name": "Type", "type": "string", "jsonPath": ".status.conditions[-1:].type"}
_STATUS: Column = {"name": "Status", "type": "string", "jsonPath": ".status.conditions[-1:].status"}
_AGE: Column = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_REQUESTED: Column = {"name": "Requested", "type": "string", "jsonPath": ".spec.requests"}
_ASSIGNED: Column = {"name": "Assigned", "type": "string", "jsonPath": ".status.suggestionCount"}


def definitions() -> list[dict[str, Any]]:
    """Experiment, Suggestion and Trial, as an API server takes them."""
    experiment = _definition("Experiment", _object(ExperimentSpec, ExperimentStatus), [_TYPE, _STATUS, _AGE])
    keep(experiment["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    columns = [_TYPE, _STATUS, _REQUESTED, _ASSIGNED, _AGE]
    return [
        experiment,
        _definition("Suggestion", _object(SuggestionSpec, SuggestionStatus), columns),
        _definition("Trial", _object(TrialSpec, TrialStatus), [_TYPE, _STATUS, _AGE]),
    ]


def _object(spec: type[Model], status: type[Model]) -> Schema:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural(spec),
        "status": structural(status),
    }
    return {"type": "object", "required": ["spec"], "properties": properties}


def _definition(kind: str, schema: Schema, columns: list[Column]) -> dict[str, Any]:
    singular = kind.lower()
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": f"{singular}s",
        "singular": singular,
        "categories": ["all", "kubeflow", "katib"],
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }
