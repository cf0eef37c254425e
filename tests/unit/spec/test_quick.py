"""A command and `--param` options as an Experiment."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from katib.core.space import Choice, Distribution, ParameterType, Range
from katib.errors import InvalidInput
from katib.spec.cluster import cluster_warnings
from katib.spec.container import process_of
from katib.spec.loading import load_text
from katib.spec.prepare import prepare
from katib.spec.quick import experiment_from_command, spelled_out, strays, to_yaml
from katib.spec.render import Template
from katib.spec.study import budget, search_space, study_config


def document_of(params, command, **options):
    given = {"name": "quick", "objectives": {"loss": "minimize"}} | options
    return experiment_from_command(params=params, command=command, **given)


def argv_of(params, command, assignment):
    experiment = prepare(document_of(params, command)).experiment
    manifest = Template.of(experiment).render(name="a", namespace="b", assignment=assignment)
    return list(process_of(manifest, "training").argv)


def faults_of(params, command=("a",), **options):
    with pytest.raises(InvalidInput) as caught:
        document_of(params, command, **options)
    return caught.value.faults


@pytest.mark.parametrize(
    ("param", "parameter"),
    [
        ("x=float:0:1", Range(name="x", type=ParameterType.DOUBLE, low=0, high=1)),
        ("x=float:-1.5:1e3:0.25", Range(name="x", type=ParameterType.DOUBLE, low=-1.5, high=1000, step=0.25)),
        (
            "x=log:1e-5:1e-1",
            Range(name="x", type=ParameterType.DOUBLE, low=1e-5, high=0.1, distribution=Distribution.LOG_UNIFORM),
        ),
        ("x=int:2:5", Range(name="x", type=ParameterType.INT, low=2, high=5)),
        ("x=int:-4:4:2", Range(name="x", type=ParameterType.INT, low=-4, high=4, step=2)),
        (
            "x=logint:1:64",
            Range(name="x", type=ParameterType.INT, low=1, high=64, distribution=Distribution.LOG_UNIFORM),
        ),
        ("x=16,32,1e2", Choice(name="x", type=ParameterType.DISCRETE, values=("16", "32", "1e2"))),
        ("x=16,adam", Choice(name="x", type=ParameterType.CATEGORICAL, values=("16", "adam"))),
        ("x=3", Choice(name="x", type=ParameterType.DISCRETE, values=("3",))),
        ("x=yes,no", Choice(name="x", type=ParameterType.CATEGORICAL, values=("yes", "no"))),
        ("x=a=b,c d", Choice(name="x", type=ParameterType.CATEGORICAL, values=("a=b", "c d"))),
        ("x=s3://a:1,s3://b:2", Choice(name="x", type=ParameterType.CATEGORICAL, values=("s3://a:1", "s3://b:2"))),
        ("x=float", Choice(name="x", type=ParameterType.CATEGORICAL, values=("float",))),
    ],
)
def test_parameters(param, parameter):
    assert search_space(prepare(document_of([param], ["{x}"])).experiment).parameters == (parameter,)


@pytest.mark.parametrize(
    "param",
    ["x", "=1", "x=", "1 x=2", "x{=1", "x=float:1", "x=float:1:2:3:4", "x=log:1:2:0.1", "x=log:0:1", "x=log:-1:1",
     "x=float:2:1", "x=float:a:1", "x=float:0:inf", "x=float:0:nan", "x=float:0:1:0", "x=int:1:2.5", "x=int:1:5:-1",
     "x=logint:0:4", "x=uniform:0:1", "x=a,,b", "x=,", "x=a,b,a"],
)  # fmt: skip
def test_a_parameter_that_cannot_be_read_is_told(param):
    [fault] = faults_of([param], ["{x}"])
    assert fault.path == f"--param {param}"
    assert fault.wanted


@pytest.mark.parametrize("bound", [str(2**53 + 1), "9" * 30])
def test_a_whole_number_beyond_what_floats_tell_apart_is_not_called_something_else(bound):
    [fault] = faults_of([f"x=int:0:{bound}"], ["{x}"])
    assert (fault.given, str(2**53) in fault.wanted) == (bound, True)


def test_what_looks_like_a_parameter_and_is_none_is_told():
    words = ["--lr={lr}", "--x={lrr}", "{print}", "{{lr}}", "${HOME}", '{"a":1}', "{}"]
    told = strays(words, ["lr=float:0:1"])
    assert [each.split()[0] for each in told] == ["{lrr}", "{print}"]
    assert "did you mean `lr`?" in told[0]


def test_a_trial_may_have_a_time_limit():
    document = experiment_from_command(
        name="a", params=["x=1,2"], command=["t", "{x}"], objectives={"loss": "minimize"}, trial_seconds=1.5
    )
    assert process_of(document["spec"]["trialTemplate"]["trialSpec"], "training").deadline == 2


@pytest.mark.parametrize("space", ["float:0:1", "int:1:4", "relu,tanh", "1,2"])
def test_a_condition_stands_behind_any_space(space):
    def parameter(text):
        words = ["train", "{m}", "{opt}"]
        params = [text, "opt=sgd,adam,none"]
        return experiment_from_command(name="a", params=params, command=words, objectives={"loss": "minimize"})["spec"][
            "parameters"
        ][0]

    condition = {"parameter": "opt", "values": ["sgd", "adam"]}
    assert parameter(f"m={space}@opt=sgd,adam") == {**parameter(f"m={space}"), "condition": condition}


def test_all_faults_at_once():
    paths = [fault.path for fault in faults_of(["x=", "y=1", "z=2", "z=3"], ["a", "{z}"], objectives={"loss": "down"})]
    assert paths == ["--param x=", "--param y", "--param z", "the objective loss"]
    assert [fault.path for fault in faults_of([], [])] == ["COMMAND"]


@pytest.mark.parametrize(
    ("word", "arrives"),
    [
        ("--lr={lr}", "--lr=V"),
        ("{lr}{lr}-{opt}", "VV-W"),
        ("{{lr}}", "{lr}"),
        ("{{{lr}}}", "{V}"),
        ("{foo} {} {{}} {{foo}}", "{foo} {} {{}} {{foo}}"),
        ('{"a":{"b":{lr}}}', '{"a":{"b":V}}'),
        ("$(X) $$ $HOME ${lr} $", "$(X) $$ $HOME $V $"),
        ("$(echo {lr})", "$(echo V)"),
        ("$$(X) {lr} $$(X) $(KATIB_TRIAL_NAME)", "$$(X) V $$(X) $(KATIB_TRIAL_NAME)"),
        ("a 'b' \"c\" \\ \n", "a 'b' \"c\" \\ \n"),
        ("", ""),
    ],
)
def test_words_arrive_as_they_are_but_for_the_values(word, arrives):
    command = ["run", "{lr} {opt}", word]
    assert argv_of(["lr=float:0:1", "opt=a,b"], command, {"lr": "V", "opt": "W"})[2] == arrives


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0{}")), max_size=4),
    st.text(st.characters(codec="utf-8")),
)
def test_any_command_arrives_as_it_is(words, value):
    assert argv_of(["x=1,2"], ["prog", "{x}", *words], {"x": value}) == ["prog", value, *words]


def test_the_whole_document_is_what_a_cluster_wants():
    params = ["lr=log:1e-5:1e-1", "layers=int:2:5", "flag=yes,no", "batch=16,32"]
    words = ["python", "t.py", "{lr}", "{layers}", "{flag}", "{batch}", "3", "true", "1e-4", ""]
    document = document_of(
        params,
        words,
        algorithm="tpe",
        settings={"seed": 3},
        parallel=2,
        goals={"loss": 0.5},
        image="python",
    )
    loaded = load_text(to_yaml(document), source="x")
    assert loaded == document
    prepared = prepare(loaded)
    assert cluster_warnings(prepared) == []
    config = study_config(prepared.experiment, uid="u")
    assert (config.algorithm, config.settings, config.objective.goal) == ("tpe", {"seed": "3"}, 0.5)
    assert config.budget == budget(prepared.experiment)
    assert (config.budget.max_trials, config.budget.parallel) == (20, 2)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8"))
        | st.sampled_from(["1e-4", "0x1F", "010", "yes", "y", "~", "", "null", "<<", "1_0", "12:30", "2020-01-01", ".nan", "-", "?"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
@example({"\x85": "a\x85b"})
@example(
    [
        "\u2028",
        "a\u2029 b",
        "\ufeff",
        "\r\n",
        "\t",
        " a",
        "a ",
        "# a",
        "a: b",
        "a\n  b\n",
        "\n",
        "%a",
        "---",
        "...",
        "!a",
        "&a",
    ]
)
def test_yaml_reads_back_as_the_same_data(data):
    document = {"spec": {"trialTemplate": {"trialSpec": {"x": data}}}}
    assert load_text(to_yaml(document), source="x") == document


def test_several_objectives_are_a_list_in_their_order():
    both = {"size": "minimize", "accuracy": "maximize"}
    document = document_of(["x=float:0:1"], ["{x}"], objectives=both, goals={"accuracy": 0.9}, algorithm="random")
    assert "objective" not in document["spec"]
    config = study_config(prepare(document).experiment, uid="u")
    assert [(each.metric, each.direction, each.goal) for each in config.objectives] == [
        ("size", "minimize", None),
        ("accuracy", "maximize", 0.9),
    ]


@pytest.mark.parametrize(
    ("options", "path"),
    [({"objectives": {}}, "objectives"), ({"goals": {"accuracy": 1.0}}, "goal")],
)
def test_objectives_and_goals_that_do_not_fit_are_told(options, path):
    [fault] = faults_of(["x=1,2"], ["{x}"], **options)
    assert fault.path == path


def test_an_algorithm_may_have_its_settings_behind_its_name():
    settings = [{"name": "r_l", "value": "27"}, {"name": "resource_name", "value": "n"}]
    wanted = {"algorithmName": "hyperband", "algorithmSettings": settings}
    text = "hyperband:r_l=27,resource_name=n"
    assert document_of(["n=int:1:27"], ["run", "{n}"], algorithm=text)["spec"]["algorithm"] == wanted
    assert spelled_out({"algorithm": text}) == {"algorithm": wanted}
    assert document_of(["n=1"], ["run", "{n}"], algorithm="tpe:seed=1", settings={"gamma": "5"})["spec"][
        "algorithm"
    ] == {
        "algorithmName": "tpe",
        "algorithmSettings": [{"name": "seed", "value": "1"}, {"name": "gamma", "value": "5"}],
    }


@pytest.mark.parametrize("text", [":a=1", "tpe:seed", "tpe:=3"])
def test_an_algorithm_that_cannot_be_read_is_refused(text):
    with pytest.raises(InvalidInput, match="--algorithm: NAME or NAME:key=value"):
        document_of(["n=1"], ["run", "{n}"], algorithm=text)
    with pytest.raises(InvalidInput, match=r"spec\.algorithm: NAME or NAME:key=value"):
        spelled_out({"algorithm": text})
