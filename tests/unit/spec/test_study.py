"""What the core and the algorithms get of an experiment."""

from katib.core.objective import Direction, Objective, Strategy
from katib.core.space import Choice, Distribution, ParameterType, Range, When
from katib.core.study import Budget
from katib.spec.prepare import prepare
from katib.spec.study import budget, objectives, search_space, study_config
from katib.testing.experiments import GONE, experiment_document


def experiment(changes=None):
    return prepare(experiment_document(changes or {})).experiment


def test_the_search_space():
    lr = Range(name="lr", type=ParameterType.DOUBLE, low=1e-4, high=0.1, distribution=Distribution.LOG_UNIFORM)
    assert search_space(experiment()).parameters == (
        lr,
        Range(name="layers", type=ParameterType.INT, low=2, high=5),
        Choice(name="batch", type=ParameterType.DISCRETE, values=("16", "32")),
        Choice(name="optimizer", type=ParameterType.CATEGORICAL, values=("sgd", "adam")),
    )


def test_numbers_have_the_type_of_their_parameter():
    space = search_space(experiment({"spec.parameters[0].feasibleSpace": {"min": "1", "max": "3", "step": "1"}}))
    assert [type(value) for value in (space["lr"].low, space["lr"].step, space["lr"].at(1))] == [float, float, float]
    assert [type(value) for value in (space["layers"].low, space["layers"].at(1))] == [int, int]


def test_an_unknown_distribution_is_uniform():
    space = search_space(experiment({"spec.parameters[0].feasibleSpace.distribution": "unknown"}))
    assert space["lr"].distribution is Distribution.UNIFORM


def test_the_objective():
    changes = {"spec.objective.goal": 0.5, "spec.objective.metricStrategies": [{"name": "accuracy", "value": "latest"}]}
    assert objectives(experiment(changes)) == (
        Objective(
            metric="loss",
            direction=Direction.MINIMIZE,
            goal=0.5,
            additional=("accuracy",),
            strategies={"accuracy": Strategy.LATEST, "loss": Strategy.MIN},
        ),
    )


LOSS = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.5, "additionalMetricNames": ["a"]}
SIZE = {
    "type": "maximize",
    "objectiveMetricName": "size",
    "metricStrategies": [{"name": "size", "value": "latest"}, {"name": "b", "value": "min"}],
    "additionalMetricNames": ["b", "c"],
}


def test_several_objectives_have_their_own_defaults_goals_and_strategies():
    given = experiment({"spec.objective": GONE, "spec.objectives": [LOSS, SIZE]})
    loss = Objective(
        metric="loss",
        direction=Direction.MINIMIZE,
        goal=0.5,
        additional=("a",),
        strategies={"loss": Strategy.MIN, "a": Strategy.MIN},
    )
    size = Objective(
        metric="size",
        direction=Direction.MAXIMIZE,
        additional=("b", "c"),
        strategies={"size": Strategy.LATEST, "b": Strategy.MIN, "c": Strategy.MAX},
    )
    assert objectives(given) == (loss, size)
    config = study_config(given, uid="u")
    assert (config.objective, config.further_objectives) == (loss, (size,))


def test_a_list_of_one_objective_is_the_single_form():
    one = prepare(experiment_document({"spec.objective": GONE, "spec.objectives": [LOSS]}))
    single = prepare(experiment_document({"spec.objective": LOSS}))
    assert one.effective == single.effective
    assert objectives(one.experiment) == objectives(single.experiment)


def test_the_budget():
    assert budget(experiment()) == Budget(max_trials=8, parallel=2, max_failed=3)
    unlimited = {"spec.maxTrialCount": GONE, "spec.parallelTrialCount": GONE, "spec.maxFailedTrialCount": GONE}
    assert budget(experiment(unlimited)) == Budget(max_trials=None, parallel=3, max_failed=None)
    assert budget(experiment({"spec.maxFailedTrialCount": 0})).max_failed == 0


def test_the_config_and_what_overrides_it():
    settings = [{"name": "seed", "value": 3}, {"name": "other", "value": "x"}]
    given = experiment({"spec.algorithm.algorithmSettings": settings})
    config = study_config(given, uid="u")
    assert (config.name, config.uid, config.algorithm) == ("digits", "u", "random")
    assert config.settings == {"seed": "3", "other": "x"}
    assert config.budget == budget(given)
    assert (config.space, config.objective) == (search_space(given), objectives(given)[0])
    changed = study_config(given, uid="u", budget=Budget(parallel=7), settings_overrides={"seed": "4", "s": "1"})
    assert changed.settings == {"seed": "4", "other": "x", "s": "1"}
    assert changed.budget.parallel == 7


def test_conditions_hold_values_of_the_parents_own_type():
    changes = {
        "spec.parameters[1].condition": {"parameter": "optimizer", "values": ["sgd"]},
        "spec.parameters[2].condition": {"parameter": "layers", "values": [2, "5"]},
    }
    space = search_space(prepare(experiment_document(changes)).experiment)
    assert space["layers"].condition == When(parameter="optimizer", values=("sgd",))
    assert space["batch"].condition == When(parameter="layers", values=(2, 5))
    assert space["lr"].condition is None
