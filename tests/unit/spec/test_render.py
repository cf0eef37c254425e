"""A value reaches the process exactly as it is, whatever it is and wherever its placeholder stands."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from katib.errors import InvalidInput
from katib.spec.container import process_of
from katib.spec.kubelet import container_env, escape, expand
from katib.spec.prepare import prepare
from katib.spec.render import Template
from katib.testing.experiments import GONE, changed, experiment_document

SPEC = "spec.trialTemplate.trialSpec"
CONTAINER = f"{SPEC}.spec.template.spec.containers[0]"
TRIAL = "spec.trialTemplate.trialParameters"
ASSIGNMENT = {"lr": 0.1, "layers": 3, "batch": "16", "optimizer": "sgd"}

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
tricky = st.lists(
    st.sampled_from(
        ["$", "$$", "$(A)", "$(", ")", "${trialParameters.lr}", "${trialParameters.x}", "{", "}", '"', "\\", "\n", "a"]
    ),
    max_size=6,
).map("".join)
values = texts | tricky


def rendered(changes=None, assignment=ASSIGNMENT, **names):
    experiment = prepare(experiment_document(changes or {})).experiment
    return Template.of(experiment).render(**({"name": "digits-x", "namespace": "ml"} | names), assignment=assignment)


def arguments(changes=None, assignment=ASSIGNMENT):
    return process_of(rendered(changes, assignment), "training").argv[2:]


def test_values_names_and_types():
    manifest = rendered()
    assert manifest["metadata"] == {"name": "digits-x", "namespace": "ml"}
    assert arguments() == ("--lr=0.1", "--layers=3", "--batch=16", "--optimizer=sgd")
    assert arguments(assignment={**ASSIGNMENT, "lr": 1e-05, "layers": -3})[:2] == ("--lr=1e-05", "--layers=-3")


@given(values)
@example("$(KATIB_TRIAL_NAME)")
@example("$$(A)")
def test_any_value_comes_through_word_for_word(value):
    before, after = "say '", "' $(A) $$"
    args = [f"{before}${{trialParameters.optimizer}}{after}", "${trialParameters.optimizer}", "${trialParameters.lr}"]
    changes = {f"{CONTAINER}.env": [{"name": "A", "value": "${trialParameters.optimizer}"}], f"{CONTAINER}.args": args}
    changes[f"{CONTAINER}.args"] += ["${trialParameters.layers}", "${trialParameters.batch}"]
    process = process_of(rendered(changes, {**ASSIGNMENT, "optimizer": value}), "training")
    assert process.env["A"] == value
    assert process.argv[2:5] == (f"{before}{value}' {value} $", value, "0.1")


@given(st.lists(st.sampled_from(["$", "$$", "a", "{", "(", ")"]), max_size=4).map("".join), values)
@example("$", "(A)")
@example("a$$$", "$(A)")
def test_no_dollar_before_a_placeholder_pairs_with_the_value(before, value):
    if "$(" in before:
        return  # the template itself opens a variable's name here
    changes = {
        f"{CONTAINER}.args[3]": f"{before}${{trialParameters.optimizer}}",
        f"{CONTAINER}.env": [{"name": "A", "value": "1"}],
    }
    assert arguments(changes, {**ASSIGNMENT, "optimizer": value})[3] == f"{expand(before, {})}{value}"


@given(st.lists(values, min_size=2, max_size=2))
def test_values_side_by_side_stay_apart(pair):
    changes = {f"{CONTAINER}.args": ["${trialParameters.optimizer}${trialParameters.batch}"]}
    changes[f"{CONTAINER}.args"] += ["${trialParameters.lr}", "${trialParameters.layers}"]
    assert arguments(changes, {**ASSIGNMENT, "optimizer": pair[0], "batch": pair[1]})[0] == "".join(pair)


@given(values)
def test_outside_the_kubelets_fields_a_value_is_put_in_as_it_is(value):
    changes = {
        f"{SPEC}.metadata.annotations": {"a": "<${trialParameters.optimizer}>", "x${trialParameters.optimizer}": "key"},
        f"{CONTAINER}.workingDir": "/${trialParameters.optimizer}",
    }
    manifest = rendered(changes, {**ASSIGNMENT, "optimizer": value})
    assert manifest["metadata"]["annotations"] == {"a": f"<{value}>", f"x{value}": "key"}
    assert process_of(manifest, "training").cwd == f"/{value}"


def test_metadata_references():
    references = {
        "me": "${trialSpec.Name}",
        "ns": "${trialSpec.Namespace}",
        "kind": "${trialSpec.Kind}",
        "api": "${trialSpec.APIVersion}",
        "note": "${trialSpec.Annotations[a.b/c]}",
        "label": "${trialSpec.Labels[d]}",
    }
    changes = {f"{SPEC}.metadata": {"annotations": {"a.b/c": "x"}, "labels": {"d": "y"}}}
    changes |= {f"{TRIAL}[{4 + i}]": {"name": n, "reference": r} for i, (n, r) in enumerate(references.items())}
    changes |= {f"{CONTAINER}.args[4]": " ".join(f"${{trialParameters.{name}}}" for name in references)}
    assert arguments(changes)[4] == "digits-x ml Job batch/v1 x y"
    assert rendered(changes)["metadata"] == {
        "annotations": {"a.b/c": "x"},
        "labels": {"d": "y"},
        "name": "digits-x",
        "namespace": "ml",
    }


def test_every_rendering_is_its_own():
    template = Template.of(prepare(experiment_document()).experiment)
    first = template.render(name="a", namespace="n", assignment=ASSIGNMENT)
    first["spec"]["template"]["spec"]["containers"][0]["args"].append("x")
    first["metadata"]["labels"] = {}
    second = template.render(name="b", namespace="n", assignment=ASSIGNMENT)
    assert len(process_of(second, "training").argv) == 6
    assert second["metadata"] == {"name": "b", "namespace": "n"}


WHEN_SGD = {f"spec.parameters[{index}].condition": {"parameter": "optimizer", "values": ["sgd"]} for index in (0, 1)}


@pytest.mark.parametrize(
    ("args", "left"),
    [
        (["--lr=LR", "--layers", "LAYERS", "--all"], ["--all"]),
        (["-l", "LAYERS", "LR"], []),
        (["--all", "--range", "LR", "LAYERS"], ["--all"]),
        (["--mode=a", "LR", "-", "LAYERS", "--", "LAYERS", "-1", "LR"], ["--mode=a", "-", "--", "-1"]),
        (["--flag-BATCH", "LR", "OPTIMIZER", "LAYERS"], ["--flag-16", "adam"]),
        (["--lr", "lr is LR, of BATCH", "LAYERS"], []),
    ],
)
def test_items_of_what_is_not_active_are_left_out_with_the_bare_flag_before(args, left):
    placed = [_with_placeholders(word) for word in args]
    rest = ["end", *(f"${{trialParameters.{name}}}" for name in ("lr", "layers", "batch", "optimizer"))]
    changes = {**WHEN_SGD, f"{CONTAINER}.args": [*placed, *rest]}
    assert arguments(changes, {"batch": "16", "optimizer": "adam"}) == (*left, "end", "16", "adam")
    values = {"LR": "0.1", "LAYERS": "3", "BATCH": "16", "OPTIMIZER": "sgd"}
    every = [_replaced(word, values) for word in args]
    assert arguments(changes) == (*every, "end", "0.1", "3", "16", "sgd")


def _with_placeholders(word):
    return _replaced(word, {n.upper(): f"${{trialParameters.{n}}}" for n in ("lr", "layers", "batch", "optimizer")})


def _replaced(word, values):
    for name, value in values.items():
        word = word.replace(name, value)
    return word


def test_the_flag_before_an_item_is_in_the_same_list():
    command = ["python", "--layers"]
    changes = {**WHEN_SGD, f"{CONTAINER}.command": command, f"{CONTAINER}.args[0]": "${trialParameters.layers}"}
    changes[f"{CONTAINER}.args[1]"] = "${trialParameters.lr}"
    assert rendered(changes, {"batch": "16", "optimizer": "adam"})["spec"]["template"]["spec"]["containers"][0][
        "command"
    ] == ["python", "--layers"]


def test_a_parameter_that_is_always_active_is_still_missed():
    with pytest.raises(InvalidInput, match="a value for batch"):
        rendered(WHEN_SGD, {"optimizer": "adam"})


def test_a_missing_value_is_told():
    with pytest.raises(InvalidInput, match="a value for optimizer"):
        rendered(assignment={"lr": 0.1, "layers": 3, "batch": "16"})


def test_a_configmap_needs_a_cluster():
    config_map = {"configMapName": "a", "configMapNamespace": "b", "templatePath": "c"}
    conditions = {"spec.trialTemplate.successCondition": "a", "spec.trialTemplate.failureCondition": "b"}
    with pytest.raises(InvalidInput, match=r"b/a.*") as caught:
        rendered({SPEC: GONE, "spec.trialTemplate.configMap": config_map} | conditions)
    assert "trialSpec" in caught.value.faults[0].wanted


class TestKubelet:
    @pytest.mark.parametrize(
        ("text", "expanded"),
        [
            ("$(A)", "1"),
            ("x$(A)y$(A)", "x1y1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$$$$", "$$"),
            ("$", "$"),
            ("a$", "a$"),
            ("$A", "$A"),
            ("${A}", "${A}"),
            ("$(A", "$(A"),
            ("$($(A))", "$($(A))"),
            ("$()", "$()"),
            ("$(C)", "$(A)"),
            ("$(a\nb)", "2"),
            ("$($$", "$($"),
        ],
    )
    def test_expansion(self, text, expanded):
        assert expand(text, {"A": "1", "C": "$(A)", "a\nb": "2"}) == expanded

    @given(values, values)
    def test_escaping_is_undone_by_expansion(self, text, other):
        assert expand(escape(text), {"A": other}) == text
        assert expand(escape(text) + "(A)", {"A": other}) == f"{text}(A)"

    def test_variables_see_those_before_them(self):
        entries = [
            {"name": "A", "value": "$(BASE)-$(B)"},
            {"name": "B", "value": "$(A)!"},
            {"name": "C", "valueFrom": {"fieldRef": {}}},
            {"name": "D"},
            {"name": "E", "value": "$(C)$(D)"},
            {"name": "A", "value": "again $(A)"},
        ]
        env = container_env({"env": entries}, {"BASE": "x"})
        assert env == {"BASE": "x", "A": "again x-$(B)", "B": "x-$(B)!", "D": "", "E": "$(C)"}


class TestProcess:
    def process(self, changes=None):
        return process_of(rendered(changes), "training")

    def test_defaults(self):
        process = self.process({f"{CONTAINER}.image": GONE})
        assert process.argv[:2] == ("python", "train.py")
        assert process.env == {"KATIB_TRIAL_NAME": "digits-x"}
        assert (process.cwd, process.deadline, process.grace, process.retries) == (None, None, 30, 0)
        assert process.notes == ()

    @pytest.mark.parametrize(("job", "pod", "deadline"), [(5, None, 5), (None, 6, 6), (5, 6, 5), (6, 5, 5), (0, 9, 0)])
    def test_the_smaller_deadline_holds(self, job, pod, deadline):
        changes = {f"{SPEC}.spec.activeDeadlineSeconds": job, f"{SPEC}.spec.template.spec.activeDeadlineSeconds": pod}
        assert self.process(changes).deadline == deadline

    def test_settings(self):
        process = self.process(
            {
                f"{SPEC}.spec.backoffLimit": 2,
                f"{SPEC}.spec.template.spec.terminationGracePeriodSeconds": 0,
                f"{CONTAINER}.workingDir": "/srv",
                f"{CONTAINER}.args[4]": 3,
                f"{CONTAINER}.args[5]": "$(A) $(KATIB_TRIAL_NAME) $(HOME)",
                f"{CONTAINER}.env": [{"name": "A", "value": 0.5}],
            }
        )
        assert (process.retries, process.grace, process.cwd) == (2, 0, "/srv")
        assert process.argv[-2:] == ("3", "0.5 digits-x $(HOME)")

    def test_the_template_itself_can_be_asked_before_it_is_rendered(self):
        manifest = experiment_document({f"{SPEC}.spec.backoffLimit": 1})["spec"]["trialTemplate"]["trialSpec"]
        assert process_of(manifest, "training").retries == 1

    def test_one_line_names_all_that_a_process_cannot_honour(self):
        process = self.process(
            {
                f"{CONTAINER}.volumeMounts": [{"name": "d", "mountPath": "/d"}],
                f"{CONTAINER}.resources": {"limits": {"cpu": 1}},
                f"{CONTAINER}.env": [{"name": "A", "valueFrom": {"fieldRef": {}}}],
                f"{SPEC}.spec.template.spec.volumes": [{"name": "d"}],
                f"{SPEC}.spec.template.spec.initContainers": [{"name": "i"}],
                f"{SPEC}.spec.template.spec.containers[1]": {"name": "proxy", "image": "p"},
                f"{SPEC}.spec.parallelism": 2,
            }
        )
        said = "image, resources, volumes, initContainers, env A (valueFrom), container proxy, parallelism"
        assert process.notes == (f"not honoured on this machine: {said}",)

    def test_another_kinds_pod_is_found_wherever_it_is(self):
        pod = {"containers": [{"name": "pytorch", "command": ["a"]}], "terminationGracePeriodSeconds": 3}
        worker = {"containers": [{"name": "helper", "command": ["b"]}]}
        replicas = {"Worker": {"template": {"spec": worker}}, "Master": {"template": {"spec": pod}}}
        process = process_of({"kind": "PyTorchJob", "spec": {"pytorchReplicaSpecs": replicas}}, "pytorch")
        assert (process.argv, process.grace) == (("a",), 3)

    @pytest.mark.parametrize(
        ("changes", "path", "says"),
        [
            ({f"{CONTAINER}.command": GONE}, f"{CONTAINER}.command", "ENTRYPOINT"),
            ({f"{CONTAINER}.command": []}, f"{CONTAINER}.command", "ENTRYPOINT"),
            (
                {"spec.trialTemplate.primaryContainerName": "main"},
                "spec.trialTemplate.primaryContainerName",
                "training",
            ),
            ({f"{SPEC}.spec.backoffLimit": -1}, f"{SPEC}.spec.backoffLimit", "0 or more"),
            ({f"{CONTAINER}.env": [{"value": "1"}]}, f"{CONTAINER}.env", "name and value"),
        ],
    )
    def test_what_cannot_be_run_is_told(self, changes, path, says):
        document = experiment_document(changes)
        manifest = document["spec"]["trialTemplate"]["trialSpec"]
        with pytest.raises(InvalidInput) as caught:
            process_of(manifest, document["spec"]["trialTemplate"]["primaryContainerName"])
        [fault] = caught.value.faults
        assert fault.path == path
        assert says in str(fault)

    @pytest.mark.parametrize(
        "changes",
        [{f"{CONTAINER}.command": "python"}, {f"{CONTAINER}.args": [{}]}, {f"{CONTAINER}.env": {"A": "1"}},
         {f"{SPEC}.spec.activeDeadlineSeconds": "5"}, {f"{SPEC}.spec.template.spec.terminationGracePeriodSeconds": True}],
    )  # fmt: skip
    def test_mistyped_fields_of_other_kinds_are_faults_too(self, changes):
        manifest = experiment_document(changes)["spec"]["trialTemplate"]["trialSpec"]
        with pytest.raises(InvalidInput):
            process_of(changed(manifest, {"kind": "Other"}), "training")
