"""The CRDs are those of the types, say what the rules say, and take what users and Katib write."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from katib.spec.crd.__main__ import FOLDER, documents
from katib.spec.crd.keeps import KEEPS
from katib.spec.crd.objects import definitions
from katib.spec.rules import RULES, Cluster
from katib.spec.rules.table import by_type
from katib.testing.edges import CONFIG_MAP, SPEC
from katib.testing.experiments import GONE, experiment_document

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("experiment.yaml"))

TIMES = {"startTime": "2026-06-22T09:00:00Z", "completionTime": "2026-06-22T09:10:00Z"}
CREATED = {
    "type": "Created",
    "status": "True",
    "reason": "TrialCreated",
    "message": "Trial is created",
    "lastUpdateTime": "2026-06-22T09:00:00Z",
    "lastTransitionTime": "2026-06-22T09:00:00Z",
}
ASSIGNMENTS = [{"name": "lr", "value": "0.01"}, {"name": "optimizer", "value": "adam"}]
OBSERVATION = {"metrics": [{"name": "loss", "min": "0.1", "max": "0.9", "latest": "0.2"}]}
RULE = {"name": "loss", "value": "0.5", "comparison": "greater", "startStep": 4}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a-1", "namespace": "b"}, "spec": {"anything": 1}}

SUGGESTION = {
    "spec": {"algorithm": {"algorithmName": "random"}, "requests": 3, "resumePolicy": "Never"},
    "status": {
        "algorithmSettings": [{"name": "a", "value": "1"}],
        "suggestionCount": 1,
        "suggestions": [
            {
                "name": "a-1",
                "parameterAssignments": ASSIGNMENTS,
                "earlyStoppingRules": [RULE],
                "labels": {"pbt.suggestion.katib.kubeflow.org/generation": "0"},
            }
        ],
        "startTime": TIMES["startTime"],
        "conditions": [CREATED],
    },
}
TRIAL = {
    "spec": {
        "objective": {
            "type": "minimize",
            "objectiveMetricName": "loss",
            "metricStrategies": [{"name": "loss", "value": "min"}],
        },
        "parameterAssignments": ASSIGNMENTS,
        "earlyStoppingRules": [RULE],
        "runSpec": JOB,
        "retainRun": True,
        "metricsCollector": {"collector": {"kind": "StdOut"}},
        "primaryPodLabels": {"training.kubeflow.org/job-role": "master"},
        "primaryContainerName": "training",
        "successCondition": "a",
        "failureCondition": "b",
    },
    "status": {**TIMES, "conditions": [CREATED], "observation": OBSERVATION},
}
EXPERIMENT_STATUS = {
    **TIMES,
    "conditions": [CREATED],
    "currentOptimalTrial": {
        "bestTrialName": "a-1",
        "parameterAssignments": ASSIGNMENTS,
        "observation": OBSERVATION,
    },
    "succeededTrialList": ["a-1"],
    "trials": 1,
    "trialsSucceeded": 1,
    "trialMetricsUnavailable": 0,
}
CONTAINER = {"name": "a", "image": "b", "env": [{"name": "A", "value": "1"}]}

EXPERIMENTS = {
    "a status": {"status": EXPERIMENT_STATUS},
    "an empty status": {"status": {"currentOptimalTrial": {"observation": {}}}},
    "the SDK's list": {"spec.parameters[3].feasibleSpace": {"distribution": ["a", "b"]}},
    "a ConfigMap": {SPEC: GONE, "spec.trialTemplate.configMap": CONFIG_MAP},
    "a neural architecture": {
        "spec.parameters": GONE,
        "spec.nasConfig": {
            "graphConfig": {"numLayers": 8, "inputSizes": [32, 32, 3], "outputSizes": [10]},
            "operations": [{"operationType": "convolution", "parameters": experiment_document()["spec"]["parameters"]}],
        },
    },
    "Prometheus": {
        "spec.metricsCollectorSpec": {
            "collector": {"kind": "PrometheusMetric"},
            "source": {"httpGet": {"port": 8080, "path": "/metrics", "httpHeaders": [{"name": "a", "value": "b"}]}},
        }
    },
    "a collector of one's own": {
        "spec.metricsCollectorSpec": {
            "collector": {"kind": "Custom", "customCollector": CONTAINER},
            "source": {"fileSystemPath": {"path": "/a", "kind": "File"}, "filter": {"metricsFormat": ["(a)(b)"]}},
        }
    },
    "early stopping, and going on": {
        "spec.earlyStopping": {
            "algorithmName": "medianstop",
            "algorithmSettings": [{"name": "start_step", "value": "4"}],
        },
        "spec.resumePolicy": "FromVolume",
        "spec.objective.goal": 0,
    },
}


def closed(schema):
    """The schema with unknown fields refused, as kubectl has an API server do."""
    if not isinstance(schema, dict):
        return schema
    shut = {key: {name: closed(each) for name, each in value.items()} if key == "properties" else closed(value)
            for key, value in schema.items()}  # fmt: skip
    return {**shut, "additionalProperties": False} if "properties" in schema else shut


SCHEMAS = {
    each["spec"]["names"]["kind"]: closed(each["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    for each in definitions()
}


def faults(document):
    schema = SCHEMAS[document["kind"]]
    # An API server checks the rest of metadata itself. Its words are those of OpenAPI 3.0, which has draft 4's.
    named = {**document, "metadata": {"name": document["metadata"]["name"]}}
    return [error.json_path + ": " + error.message for error in jsonschema.Draft4Validator(schema).iter_errors(named)]


def test_the_manifests_are_fresh():
    written = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}
    assert written == documents(), "run `python -m katib.spec.crd`"


def test_every_rule_that_an_api_server_keeps_is_there():
    """`kind` it keeps without being told."""
    said = {rule.id for rule in RULES if rule.cluster == Cluster.CRD and rule.check is not by_type} - {"kind"}
    assert said - set(KEEPS) == set()
    assert set(KEEPS) - {rule.id for rule in RULES} == set()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_fits(path):
    assert faults(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_katib_and_its_sdk_write_fits(name):
    assert faults(experiment_document(EXPERIMENTS[name])) == []


@pytest.mark.parametrize(("kind", "body"), [("Suggestion", SUGGESTION), ("Trial", TRIAL)])
def test_the_mirrors_fit(kind, body):
    head = {"apiVersion": "kubeflow.org/v1beta1", "kind": kind, "metadata": {"name": "a"}}
    assert faults({**head, **body}) == []
    assert faults({**head, **body, "status": {"condition": []}}) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"spec.maxTrialCount": "8"},
        {"spec.maxTrialCount": 2**31},
        {"spec.maxSeconds": 0},
        {"spec.parameters[0].feasibleSpace.min": 1},
        {"spec.parameters[0].feasibleSpace.low": "1"},
        {"spec.parameters[0].parameterType": "unknown"},
        {"spec.parameters[0].feasibleSpace.distribution": "loguniform"},
        {"spec.algorithm.algorithmSettings": [{"name": "a", "value": 1}]},
        {"spec.objective.objectiveMetricName": GONE},
        {"spec.metricsCollectorSpec.collector.kind": "None"},
        {"metadata.name": "A"},
        {"status": {"trials": "1"}},
    ],
)
def test_what_does_not_fit(changes):
    assert len(faults(experiment_document(changes))) == 1


def test_what_kubectl_shows():
    columns = {
        each["spec"]["names"]["plural"]: [
            column["name"] for column in each["spec"]["versions"][0]["additionalPrinterColumns"]
        ]
        for each in definitions()
    }
    assert columns == {
        "experiments": ["Type", "Status", "Age"],
        "suggestions": ["Type", "Status", "Requested", "Assigned", "Age"],
        "trials": ["Type", "Status", "Age"],
    }
