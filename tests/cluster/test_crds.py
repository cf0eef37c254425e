"""The CRDs on a real API server: it refuses what the table of rules says it does, and nothing else."""

import json
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from katib.spec.crd.objects import GROUP, VERSION
from katib.spec.rules import RULES, Cluster
from katib.testing.edges import ACCEPTED, CONTAINER, LR, REFUSED
from katib.testing.experiments import GONE, experiment_document

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("experiment.yaml"))
BY_THE_API_SERVER = {rule.id for rule in RULES if rule.cluster == Cluster.CRD}


def answer(cluster, document):
    """Status and message of an attempt to create it."""
    try:
        cluster.create("default", "experiments", document, dry_run="All")
    except client.ApiException as error:
        return error.status, json.loads(error.body)["message"]
    return 201, ""


def sent(document):
    """Whether a client can send it, and a cluster does not give the name that the laptop misses."""
    try:
        json.dumps(document, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return "generateName" not in document["metadata"]


def as_texts(value):
    """Numbers and truth values as texts: unquoted ones are accepted on a laptop, and not on a cluster."""
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    if isinstance(value, dict):
        return {key: as_texts(item) for key, item in value.items()}
    return str(value) if isinstance(value, bool | int | float) else value


def test_it_refuses_what_the_table_says_it_does(cluster):
    rows = [(rule, experiment_document(changes)) for rule, changes, _paths in REFUSED if rule in BY_THE_API_SERVER]
    answers = [(rule, document, *answer(cluster, document)) for rule, document in rows if sent(document)]
    assert len(answers) > 80
    assert [(rule, document) for rule, document, status, _message in answers if status not in (400, 404, 422)] == []


def test_it_accepts_what_is_valid(cluster):
    quoted = ("feasibleSpace", "condition", "algorithmSettings")
    rows = [
        {path: as_texts(value) if any(word in path for word in quoted) else value for path, value in changes.items()}
        for _rule, changes in ACCEPTED
    ]
    answers = [(changes, *answer(cluster, experiment_document(changes))) for changes in rows]
    assert [each for each in answers if each[1] != 201] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_it_accepts_the_examples(cluster, path):
    assert answer(cluster, yaml.safe_load(path.read_text())) == (201, "")


def test_a_message_says_what_is_wanted(cluster):
    status, message = answer(cluster, experiment_document({f"{LR}.min": "0,1"}))
    assert status == 422
    assert "spec.parameters[0]" in message
    assert "min must be a finite number such as 0.1 or 1e-4" in message


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"spec.maxTrialCount": 9}, 200),
        ({"spec.maxTrialCount": GONE, "spec.parallelTrialCount": 3, "spec.maxFailedTrialCount": 4}, 200),
        ({"spec.maxSeconds": 60, "spec.maxStaleTrialCount": 5}, 200),
        ({"spec.objective.goal": 0.5}, 422),
        ({"spec.algorithm": GONE}, 422),
        ({"spec.resumePolicy": "Never"}, 422),
        # Places whose insides the schema does not know.
        ({f"{LR}.distribution": "uniform"}, 422),
        ({f"{CONTAINER}.image": "another"}, 422),
    ],
)
def test_only_the_budget_can_be_edited(cluster, namespace, changes, status):
    where = (GROUP, VERSION, namespace, "experiments", "digits")
    created = cluster.create(namespace, "experiments", experiment_document())
    version = {"metadata.resourceVersion": created["metadata"]["resourceVersion"]}
    try:
        cluster.custom.replace_namespaced_custom_object(*where, experiment_document({**changes, **version}))
        assert status == 200
    except client.ApiException as error:
        assert error.status == status
        assert "can be edited" in json.loads(error.body)["message"]


def test_the_list_where_katibs_sdk_puts_it(cluster):
    space = {"distribution": ["a", "b"]}
    assert answer(cluster, experiment_document({"spec.parameters[3].feasibleSpace": space})) == (201, "")
    for other in (7, {"a": "b"}, "triangular"):
        changes = {"spec.parameters[3].feasibleSpace": {"distribution": other, "list": ["a"]}}
        assert answer(cluster, experiment_document(changes))[0] == 422


def test_a_status_is_written_beside_the_spec(cluster, namespace):
    where = (GROUP, VERSION, namespace, "experiments", "digits")
    created = cluster.create(namespace, "experiments", {**experiment_document(), "status": {"trials": 8}})
    assert "status" not in created
    condition = {"type": "Running", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z"}
    status = {"trials": 3, "completionTime": None, "conditions": [condition]}
    change = {"status": status, "spec": {"maxTrialCount": 99}}
    changed = cluster.custom.patch_namespaced_custom_object_status(*where, change)
    assert changed["status"] == {"trials": 3, "conditions": [condition]}
    assert changed["spec"] == created["spec"]
