"""What `katib validate` says of files that run here."""

import pytest

from katib.spec.cluster import cluster_warnings, likely_mistakes
from katib.spec.loading import load_text
from katib.spec.prepare import prepare
from katib.spec.quick import to_yaml
from katib.spec.study import budget, study_config
from katib.testing.experiments import GONE, experiment_document

SPEC = "spec.trialTemplate.trialSpec"
CONTAINER = f"{SPEC}.spec.template.spec.containers[0]"
SPACE = "spec.parameters[0].feasibleSpace"
VALUES = [
    "${trialParameters.batch}",
    "${trialParameters.lr}",
    "${trialParameters.layers}",
    "${trialParameters.optimizer}",
]


def paths(warnings):
    return [warning.path for warning in warnings]


def test_a_file_that_a_cluster_takes_gets_no_warning():
    prepared = prepare(experiment_document())
    assert cluster_warnings(prepared) == []
    assert likely_mistakes(prepared) == []


def test_a_condition_is_ours_alone():
    path = "spec.parameters[1].condition"
    prepared = prepare(experiment_document({path: {"parameter": "optimizer", "values": ["sgd"]}}))
    assert paths(cluster_warnings(prepared)) == [path]


def test_budgets_of_time_and_patience_are_ours_alone():
    for field in ("maxSeconds", "maxStaleTrialCount"):
        prepared = prepare(experiment_document({f"spec.{field}": 60}))
        assert paths(cluster_warnings(prepared)) == [f"spec.{field}"]
        assert {60} & {budget(prepared.experiment).max_seconds, budget(prepared.experiment).max_stale}


def test_replicates_are_ours_alone():
    prepared = prepare(experiment_document({"spec.replicates": 3}))
    assert paths(cluster_warnings(prepared)) == ["spec.replicates"]
    assert study_config(prepared.experiment, uid="u").replicates == 3
    assert cluster_warnings(prepare(experiment_document({"spec.replicates": 1}))) == []


def test_a_list_of_objectives_is_ours_alone():
    one = {"type": "minimize", "objectiveMetricName": "loss"}
    other = {"type": "maximize", "objectiveMetricName": "size"}
    for listed in ([one], [one, other]):
        prepared = prepare(experiment_document({"spec.objective": GONE, "spec.objectives": listed}))
        assert paths(cluster_warnings(prepared)) == ["spec.objectives"]


def test_unquoted_numbers_are_told_with_their_lines_and_texts():
    text = to_yaml(experiment_document()).replace('"1e-4"', "1e-4").replace('"16"', "16").replace("- train.py", "- 1.0")
    lines = text.splitlines()
    warnings = cluster_warnings(prepare(load_text(text, source="x")))
    assert [(warning.path, warning.given, warning.hint) for warning in warnings] == [
        (f"{SPACE}.min", "1e-4", '"1e-4"'),
        ("spec.parameters[2].feasibleSpace.list[0]", "16", '"16"'),
        (f"{CONTAINER}.command[1]", "1.0", '"1.0"'),
    ]
    assert [lines[warning.line - 1].split()[-1] for warning in warnings] == ["1e-4", "16", "1.0"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({f"{SPACE}.min": 0.001}, f"{SPACE}.min"),
        (
            {"spec.algorithm.algorithmSettings": [{"name": "a", "value": True}]},
            "spec.algorithm.algorithmSettings[0].value",
        ),
        ({"metadata.labels": {"v": 1}}, "metadata.labels.v"),
        ({f"{CONTAINER}.env": [{"name": "A", "value": 1}]}, f"{CONTAINER}.env[0].value"),
        ({"spec.algorithm": GONE}, "spec.algorithm.algorithmName"),
        (
            {"spec.parallelTrialCount": GONE, "spec.maxTrialCount": 2, "spec.maxFailedTrialCount": GONE},
            "spec.parallelTrialCount",
        ),
        (
            {"spec.parameters[3].feasibleSpace": {"distribution": ["a"]}},
            "spec.parameters[3].feasibleSpace.distribution",
        ),
        ({"spec.parameters[3].feasibleSpace.list": ["a", 'b"']}, "spec.parameters[3].feasibleSpace.list[1]"),
        ({"spec.parameters[3].feasibleSpace.list": ["a\nb"]}, "spec.parameters[3].feasibleSpace.list[0]"),
        ({f"{CONTAINER}.image": GONE}, f"{CONTAINER}.image"),
        (
            {"spec.metricsCollectorSpec.source.filter.metricsFormat": [r"(\w+)=(\d+)", r"(?<=x)(\w+)=(\S+)"]},
            "spec.metricsCollectorSpec.source.filter.metricsFormat[1]",
        ),
        (
            {"spec.metricsCollectorSpec.source.filter.metricsFormat": [r"(\w+)=(\1)"]},
            "spec.metricsCollectorSpec.source.filter.metricsFormat[0]",
        ),
    ],
)
def test_what_a_cluster_would_refuse(changes, path):
    assert paths(cluster_warnings(prepare(experiment_document(changes)))) == [path]


def test_a_default_width_that_fits_is_none_of_it():
    document = experiment_document({"spec.parallelTrialCount": GONE, "spec.maxTrialCount": 3})
    assert cluster_warnings(prepare(document)) == []


@pytest.mark.parametrize(
    ("command", "args", "where"),
    [
        (["sh", "-c"], ["train --lr=${trialParameters.lr}"], "args[0]"),
        (["bash", "-c", "train --lr=${trialParameters.lr}"], [], "command[2]"),
        (["/bin/bash", "-ec"], ["train --lr=${trialParameters.lr}"], "args[0]"),
        (["bash", "-o", "pipefail", "-c"], ["train --lr=${trialParameters.lr}", "$0"], "args[0]"),
        (["zsh"], ["-c", "train --lr=${trialParameters.lr}"], "args[1]"),
    ],
)
def test_a_placeholder_in_a_script_is_warned_of(command, args, where):
    changes = {f"{CONTAINER}.command": command, f"{CONTAINER}.args": [*args, *VALUES]}
    [warning] = likely_mistakes(prepare(experiment_document(changes)))
    assert warning.path == f"{CONTAINER}.{where}"
    assert '{name: LR, value: "${trialParameters.lr}"}' in warning.hint
    assert '"$LR"' in warning.hint


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (["python", "-c"], ["print(${trialParameters.lr})"]),
        (["sh", "train.sh"], ["${trialParameters.lr}"]),
        (["sh", "-c"], ['train --lr="$LR"', "${trialParameters.lr}"]),
        (["sh"], []),
    ],
)
def test_elsewhere_a_placeholder_is_fine(command, args):
    changes = {f"{CONTAINER}.command": command, f"{CONTAINER}.args": [*args, *VALUES]}
    assert likely_mistakes(prepare(experiment_document(changes))) == []


def test_a_script_warning_has_a_line_and_a_variable_that_reads_well():
    trial = {"name": "learningRate", "reference": "lr"}
    script = {"command": ["sh", "-c", "a ${trialParameters.learningRate}"], "args": VALUES[:1] + VALUES[2:]}
    document = experiment_document({"spec.trialTemplate.trialParameters[0]": trial})
    document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0] |= script
    text = to_yaml(document)
    [warning] = likely_mistakes(prepare(load_text(text, source="x")))
    assert "LEARNING_RATE" in warning.hint
    assert text.splitlines()[warning.line - 1].strip() == "- a ${trialParameters.learningRate}"


def test_a_reference_that_nothing_replaces_is_likely_a_mistake():
    words = ["sh", "run.sh", *VALUES, "${trialParameters.}", "${trialSpec.Name}", "${HOME}", "$(trialParameters)"]
    given = {"spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command": words}
    found = likely_mistakes(prepare(experiment_document(given)))
    assert [fault.given for fault in found] == ["${trialParameters.}", "${trialSpec.Name}"]
