"""From a document to a valid experiment with its defaults, or every fault at once."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.errors import InvalidInput
from katib.spec.loading import apply_sets, load_text
from katib.spec.prepare import from_effective, prepare
from katib.spec.quick import to_yaml
from katib.spec.study import budget, objectives, search_space
from katib.testing.experiments import GONE, changed, experiment_document, experiment_documents

LR = "spec.parameters[0].feasibleSpace"

# Faults that do not touch each other: one in each part of a document.
PLANTS = {
    "metadata.name": "Not A Name",
    "spec.paralelTrialCount": 3,
    "spec.maxFailedTrialCount": -1,
    "spec.objective.type": "minimise",
    "spec.objective.metricStrategies[0].name": GONE,
    "spec.earlyStopping.algorithmName": "",
    "spec.parameters[0].feasibleSpace.min": "abc",
    "spec.parameters[1].feasibleSpace.max": "",
    "spec.parameters[2].feasibleSpace.list[1]": "16",
    "spec.parameters[3].parameterType": "string",
    "spec.trialTemplate.primaryContainerName": "",
    "spec.trialTemplate.trialSpec.metadata.name": "mine",
    "spec.trialTemplate.trialSpec.spec.parallelizm": 1,
    "spec.metricsCollectorSpec.collector.kind": "Stdout",
    "spec.metricsCollectorSpec.source.filter.metricsFormat[0]": "(a",
}


def planted(paths):
    base = {
        "spec.objective.metricStrategies": [{"name": "loss", "value": "min"}],
        "spec.metricsCollectorSpec.source.filter.metricsFormat": ["(a)(b)"],
    }
    return changed(experiment_document(base), {path: PLANTS[path] for path in paths})


def faults_of(document, **options):
    with pytest.raises(InvalidInput) as caught:
        prepare(document, **options)
    return caught.value.faults


@given(st.lists(st.sampled_from(sorted(PLANTS)), min_size=1, unique=True))
def test_every_planted_fault_is_reported_and_nothing_else(paths):
    assert sorted(fault.path for fault in faults_of(planted(paths))) == sorted(paths)


@given(experiment_documents())
def test_every_valid_document_is_accepted_and_means_the_same_after_storage(document):
    given_before = copy.deepcopy(document)
    prepared = prepare(document)
    assert document == given_before, "the document is the user's"
    stored = json.loads(json.dumps(prepared.effective))
    assert stored == prepared.effective
    again = from_effective(stored)
    assert again == prepared.experiment
    assert prepare(stored).effective == stored, "an effective document is a valid one, and defaults are filled in once"
    space = search_space(again)
    assert [parameter.name for parameter in space.parameters] == [
        each["name"] for each in document["spec"]["parameters"]
    ]
    if space.size is not None:
        assert space.contains(space.at(0))
        assert space.contains(space.at(space.size - 1))
    width = budget(again).parallel
    assert width >= 1
    assert budget(again).max_trials is None or width <= budget(again).max_trials
    assert objectives(again)[0].metric == "loss"


@given(experiment_documents())
def test_yaml_reads_back_as_the_same_document(document):
    assert load_text(to_yaml(document), source="x") == document


def test_faults_have_lines_and_come_in_their_order():
    text = to_yaml(
        experiment_document({"spec.maxTrialCount": 0, f"{LR}.min": "1", "metadata.name": "A", "spec.foo": 1})
    )
    loaded = load_text(text, source="file.yaml")
    faults = faults_of(loaded)
    lines = text.splitlines()
    assert [(fault.path, lines[fault.line - 1].strip()) for fault in faults] == [
        ("metadata.name", "name: A"),
        ("spec.maxTrialCount", "maxTrialCount: 0"),
        (f"{LR}.min", 'min: "1"'),
        ("spec.foo", "foo: 1"),
    ]
    assert faults == faults_of(loaded.document, lines=loaded.lines)


def test_the_line_of_something_missing_is_that_of_what_it_is_missing_from():
    text = to_yaml(experiment_document({"spec.objective.type": GONE}))
    [fault] = faults_of(load_text(text, source="x"))
    assert (fault.path, text.splitlines()[fault.line - 1]) == ("spec.objective.type", "  objective:")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"spec.paralelTrialCount": 3}, "did you mean `parallelTrialCount`?"),
        ({"spec.parallel_trial_count": 3}, "did you mean `parallelTrialCount`?"),
        ({"spec.parameters[0].type": "double"}, "did you mean `parameterType`?"),
        ({"spec.objective.type": "Minimise"}, "did you mean `minimize`?"),
        ({"spec.parameters[0].parameterType": "Double"}, "did you mean `double`?"),
        ({"spec.metricsCollectorSpec.collector.kind": "None"}, "since Katib 0.18 it is called `Push`"),
        ({"spec.maxTrialCount": "12"}, "write it without quotes"),
        ({"spec.trialTemplate.trialParameters[0].reference": "lrr"}, "did you mean `lr`?"),
        ({"spec.trialTemplate.primaryContainerName": ""}, "the template has: training"),
        (
            {"spec.trialTemplate.trialSpec.spec.template.spec.containers[0].comand": []},
            "did you mean `command`?",
        ),
        ({"spec.xyz": 3}, "known here: parameters, objective, "),
    ],
)
def test_hints(changes, hint):
    assert any(fault.hint.startswith(hint) for fault in faults_of(experiment_document(changes)))


def test_a_fault_shows_what_was_given():
    [fault] = faults_of(experiment_document({"spec.maxTrialCount": "12"}))
    assert str(fault) == 'spec.maxTrialCount: a whole number, got "12" (write it without quotes)'


def test_something_that_is_no_experiment_gets_one_fault():
    faults = faults_of({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {}}})
    assert [fault.path for fault in faults] == ["apiVersion", "kind"]


class TestDefaults:
    def effective(self, changes=None):
        return prepare(experiment_document(changes or {})).effective["spec"]

    def test_counts_and_policy(self):
        spec = self.effective({"spec.parallelTrialCount": GONE})
        assert (spec["parallelTrialCount"], spec["resumePolicy"]) == (3, "Never")
        assert self.effective({"spec.parallelTrialCount": None})["parallelTrialCount"] == 3

    @pytest.mark.parametrize(("most", "parallel"), [(1, 1), (2, 2), (3, 3), (4, 3), (None, 3)])
    def test_a_default_width_is_never_more_than_the_trials(self, most, parallel):
        changes = {"spec.parallelTrialCount": GONE, "spec.maxTrialCount": most, "spec.maxFailedTrialCount": GONE}
        assert self.effective(changes)["parallelTrialCount"] == parallel

    def test_algorithm(self):
        assert self.effective({"spec.algorithm": GONE})["algorithm"] == {"algorithmName": "auto"}
        assert self.effective()["algorithm"] == {"algorithmName": "random"}

    @pytest.mark.parametrize(("direction", "best"), [("minimize", "min"), ("maximize", "max")])
    def test_strategies(self, direction, best):
        given = [{"name": "accuracy", "value": "latest"}]
        spec = self.effective({"spec.objective.type": direction, "spec.objective.metricStrategies": given})
        assert spec["objective"]["metricStrategies"] == [*given, {"name": "loss", "value": best}]

    def test_distribution(self):
        spaces = [each["feasibleSpace"]["distribution"] for each in self.effective()["parameters"]]
        assert spaces == ["logUniform", "uniform", "uniform", "uniform"]

    @pytest.mark.parametrize(
        ("kind", "success", "labels"),
        [
            ("Job", "Complete", None),
            ("PyTorchJob", "Succeeded", {"training.kubeflow.org/job-role": "master"}),
            ("TFJob", "Succeeded", {"training.kubeflow.org/job-role": "master"}),
            (
                "TrainJob",
                "Complete",
                {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"},
            ),
        ],
    )
    def test_conditions_and_labels_by_kind(self, kind, success, labels):
        template = self.effective({"spec.trialTemplate.trialSpec.kind": kind})["trialTemplate"]
        assert template["successCondition"] == f'status.conditions.#(type=="{success}")#|#(status=="True")#'
        assert template["failureCondition"] == 'status.conditions.#(type=="Failed")#|#(status=="True")#'
        assert template.get("primaryPodLabels") == labels

    def test_what_is_given_stays(self):
        changes = {"spec.trialTemplate.trialSpec.kind": "TFJob", "spec.trialTemplate.primaryPodLabels": {"a": "b"}}
        template = self.effective(changes | {"spec.trialTemplate.successCondition": "x"})["trialTemplate"]
        assert (template["successCondition"], template["primaryPodLabels"]) == ("x", {"a": "b"})

    @pytest.mark.parametrize(
        ("collector", "effective"),
        [
            (None, {"collector": {"kind": "StdOut"}}),
            ({"collector": {"kind": "Push"}}, {"collector": {"kind": "Push"}}),
            (
                {"collector": {"kind": "File"}},
                {
                    "collector": {"kind": "File"},
                    "source": {
                        "fileSystemPath": {"kind": "File", "path": "/var/log/katib/metrics.log", "format": "TEXT"}
                    },
                },
            ),
            (
                {"collector": {"kind": "TensorFlowEvent"}, "source": {"fileSystemPath": {"path": "/e"}}},
                {
                    "collector": {"kind": "TensorFlowEvent"},
                    "source": {"fileSystemPath": {"kind": "Directory", "path": "/e"}},
                },
            ),
            (
                {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"port": 0}}},
                {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"path": "/metrics", "port": 8080}}},
            ),
        ],
    )
    def test_collector(self, collector, effective):
        assert self.effective({"spec.metricsCollectorSpec": collector})["metricsCollectorSpec"] == effective


def test_a_field_that_fits_none_of_its_types_is_told_once():
    document = experiment_document({"spec.metricsCollectorSpec.source.httpGet": {"port": [1], "path": 3, "x": 1}})
    http = "spec.metricsCollectorSpec.source.httpGet"
    assert [fault.path for fault in faults_of(document)] == [f"{http}.port", f"{http}.x"]


def test_the_sdks_list_under_distribution_is_the_list():
    space = {"distribution": ["sgd", 1, 0.5]}
    prepared = prepare(experiment_document({"spec.parameters[3].feasibleSpace": space}))
    assert search_space(prepared.experiment)["optimizer"].values == ("sgd", "1", "0.5")


def test_an_architecture_search_is_carried():
    nas = {
        "graphConfig": {"numLayers": 8, "inputSizes": [32, 32, 3], "outputSizes": [10]},
        "operations": [
            {
                "operationType": "convolution",
                "parameters": [
                    {"name": "filter", "parameterType": "categorical", "feasibleSpace": {"list": ["3", "5"]}},
                ],
            }
        ],
    }
    trial = {"name": "nn", "reference": "nn_config"}
    document = experiment_document(
        {
            "spec.nasConfig": nas,
            "spec.parameters": GONE,
            "spec.trialTemplate.trialParameters": [trial],
            "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args": ["${trialParameters.nn}"],
        }
    )
    assert prepare(document).effective["spec"]["nasConfig"] == nas


def test_what_cannot_be_taken_from_the_file_is_told_with_all_other_faults():
    text = "kind: Experiment\nbogus: 1\nspec: {maxTrialCount: 0}\nspec: {}\n"
    for document in (
        load_text(text, source="x"),
        apply_sets(load_text(text, source="x"), ["spec.parallelTrialCount=1"]),
    ):
        with pytest.raises(InvalidInput) as caught:
            prepare(document)
        told = {(fault.path, fault.line) for fault in caught.value.faults}
        assert {("bogus", 2), ("spec", 4), ("spec.maxTrialCount", 3)} <= told


def test_a_text_that_is_no_number_is_not_said_to_want_no_quotes():
    document = apply_sets(experiment_document(), ['spec.objective.goal="abc"'])
    with pytest.raises(InvalidInput) as caught:
        prepare(document)
    assert [str(fault) for fault in caught.value.faults] == ['spec.objective.goal: a number, got "abc"']


def test_a_position_may_follow_a_dot():
    document = apply_sets(experiment_document(), ["spec.parameters.0.feasibleSpace.min=0.25"])
    assert document["spec"]["parameters"][0]["feasibleSpace"]["min"] == "0.25"
    with pytest.raises(InvalidInput, match=r"spec\.parameters\[9\].*an item of the list"):
        apply_sets(document, ["spec.parameters.9.name=x"])
