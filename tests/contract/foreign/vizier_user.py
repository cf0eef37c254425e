"""What somebody does with Vizier's own client, in a Python of its own: python vizier_user.py HOST:PORT"""

import sys

from vizier.client import client_abc
from vizier.service import clients
from vizier.service import pyvizier as vz

clients.environment_variables.server_endpoint = sys.argv[1]


def problem(algorithm: str = "RANDOM_SEARCH", *metrics: str, **fields: object) -> vz.StudyConfig:
    config = vz.StudyConfig(algorithm=algorithm, **fields)
    for name in metrics or ("loss",):
        config.metric_information.append(vz.MetricInformation(name, goal=vz.ObjectiveMetricGoal.MINIMIZE))
    return config


def every_kind_of_parameter() -> None:
    config = problem()
    root = config.search_space.root
    root.add_float_param("rate", 1e-4, 1e-1, scale_type=vz.ScaleType.LOG, default_value=1e-3)
    root.add_int_param("layers", 1, 4)
    root.add_discrete_param("batch", [16, 32, 64])
    root.add_categorical_param("act", ["relu", "gelu"])
    root.add_bool_param("norm")
    for index in range(2):
        root.add_float_param("mix", 0.0, 1.0, index=index)
    config.metadata.ns("me")["note"] = "ü"
    study = clients.Study.from_study_config(config, owner="me", study_id="kinds (1)")
    assert study.resource_name == "owners/me/studies/kinds (1)"
    stored = study.materialize_study_config()
    assert stored.search_space == config.search_space
    assert stored.metadata.ns("me")["note"] == "ü"
    (trial,) = study.suggest(count=1)
    values = trial.parameters
    assert 1e-4 <= values["rate"] <= 1e-1 and values["layers"] in (1, 2, 3, 4)
    assert isinstance(values["batch"], int) and isinstance(values["norm"], bool) and len(values["mix"]) == 2
    assert clients.Study.from_resource_name(study.resource_name).get_trial(trial.id).parameters == values
    study.delete()
    try:
        clients.Study.from_resource_name(study.resource_name)
    except client_abc.ResourceNotFoundError:
        return
    raise AssertionError("a deleted study was found")


def a_study_from_its_first_trial_to_its_best(algorithm: str) -> None:
    config = problem(algorithm)
    config.search_space.root.add_float_param("x", -5.0, 5.0)
    study = clients.Study.from_study_config(config, owner="me", study_id=f"best {algorithm}")
    study.add_trial(vz.Trial(parameters={"x": 4.0}, final_measurement=vz.Measurement({"loss": 16.0})))
    requested = study.request(vz.TrialSuggestion({"x": 3.0}))
    for _ in range(4):
        given = study.suggest(count=2, client_id="worker")
        assert [each.id for each in study.suggest(count=2, client_id="worker")] == [each.id for each in given]
        for trial in given:
            x = trial.parameters["x"]
            for step in (1, 2):
                trial.add_measurement(vz.Measurement({"loss": x * x + (2 - step)}, steps=step, elapsed_secs=step))
            assert not trial.check_early_stopping()
            assert trial.complete().metrics["loss"].value == x * x
    trials = [each.materialize() for each in study.trials()]
    assert [each.id for each in trials] == list(range(1, 10))
    assert all(each.status == vz.TrialStatus.COMPLETED for each in trials)
    assert trials[requested.id - 1].parameters["x"].value == 3.0
    assert [len(each.measurements) for each in trials[1:]] == [2] * 8
    least = min(each.final_measurement.metrics["loss"].value for each in trials)
    (best,) = study.optimal_trials()
    assert best.materialize().final_measurement.metrics["loss"].value == least


def infeasible_stopped_and_deleted() -> None:
    config = problem(automated_stopping_config=vz.AutomatedStoppingConfig.default_stopping_spec())
    config.search_space.root.add_float_param("x", 0.0, 1.0)
    study = clients.Study.from_study_config(config, owner="me", study_id="ends")
    one, two, three = study.suggest(count=3)
    one.complete(infeasible_reason="too hot")
    assert one.materialize().infeasible and one.materialize().infeasibility_reason == "too hot"
    two.stop()
    assert two.materialize().status == vz.TrialStatus.STOPPING and two.check_early_stopping()
    two.complete(vz.Measurement({"loss": float("nan")}))
    three.complete(vz.Measurement({"loss": 1.0}))
    assert [each.id for each in study.optimal_trials()] == [three.id]
    three.delete()
    assert [each.id for each in study.trials()] == [one.id, two.id]


def metadata_and_states() -> None:
    config = problem()
    config.search_space.root.add_float_param("x", 0.0, 1.0)
    study = clients.Study.from_study_config(config, owner="me", study_id="notes")
    (trial,) = study.suggest(count=1, client_id="a")
    study.update_metadata(vz.Metadata({"a": "b"}))
    trial.update_metadata(vz.Metadata({"c": "d"}))
    assert study.materialize_study_config().metadata["a"] == "b"
    assert trial.materialize().metadata["c"] == "d"
    for state in (vz.StudyState.ABORTED, vz.StudyState.COMPLETED):
        study.set_state(state)
        assert study.materialize_state() == state
        assert study.suggest(count=1, client_id="a") == []
    study.set_state(vz.StudyState.ACTIVE)
    assert [each.id for each in study.suggest(count=1, client_id="a")] == [trial.id]


def conditional_parameters() -> None:
    config = problem("DEFAULT")
    kind = config.search_space.root.add_categorical_param("kind", ["linear", "deep"])
    kind.select_values(["deep"]).add_int_param("layers", 1, 3)
    study = clients.Study.from_study_config(config, owner="me", study_id="tree")
    seen = set()
    for trial in study.suggest(count=20):
        values = trial.parameters
        seen.add(values["kind"])
        assert ("layers" in values) == (values["kind"] == "deep")
        trial.complete(vz.Measurement({"loss": 1.0}))
    assert seen == {"linear", "deep"}


def two_objectives() -> None:
    config = problem("NSGA2", "loss", "size")
    config.search_space.root.add_float_param("x", 0.0, 1.0)
    study = clients.Study.from_study_config(config, owner="me", study_id="front")
    for loss, size in ((1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0)):
        (trial,) = study.suggest(count=1)
        trial.complete(vz.Measurement({"loss": loss, "size": size}))
    assert [each.id for each in study.optimal_trials()] == [1, 2, 4]


if __name__ == "__main__":
    every_kind_of_parameter()
    for name in ("DEFAULT", "QUASI_RANDOM_SEARCH", "TPE"):
        a_study_from_its_first_trial_to_its_best(name)
    infeasible_stopped_and_deleted()
    metadata_and_states()
    conditional_parameters()
    two_objectives()
    print("done")
