"""Katib's DBManager over the port of `katib server`: for trials that are on record, and for no others."""

from collections.abc import Iterator

import grpc
import pytest

from katib.config import ServeSettings
from katib.rpc import api, vizier
from katib.rpc.channels import open_channel
from katib.rpc.methods import (
    DELETE_OBSERVATION_LOG,
    GET_OBSERVATION_LOG,
    GET_SUGGESTIONS,
    REPORT_OBSERVATION_LOG,
    stub,
)
from katib.rpc.vizier_methods import COMPLETE_TRIAL, CREATE_STUDY
from katib.server.studies import StudyServer
from katib.service.access import Access, create_token
from katib.service.desk import Desk
from katib.service.roles import Role
from katib.stores.memory import MemoryStore
from katib.suggestion import open_suggestions

SPEC = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Desk, grpc.Channel]]:
    suggestions = open_suggestions()
    desk = Desk(MemoryStore(), suggestions)
    server = StudyServer(desk, ServeSettings(port=0))
    server.start()
    channel = open_channel(server.address)
    yield desk, channel
    channel.close()
    server.stop(grace=0)
    suggestions.close()


def log(*values: tuple[str, str, str]) -> api.ObservationLog:
    """(time, metric, value)"""
    return api.ObservationLog(
        metric_logs=[
            api.MetricLog(time_stamp=time, metric=api.Metric(name=name, value=value)) for time, name, value in values
        ]
    )


def refused(call: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()  # type: ignore[operator]
    return caught.value.code(), caught.value.details()  # type: ignore[attr-defined]


def test_what_a_trial_reports_is_stored_once_and_told(served: tuple[Desk, grpc.Channel]) -> None:
    desk, channel = served
    desk.create("study", SPEC)
    (trial,) = desk.lender.suggest("study", "a")
    first, second, third = (f"2026-01-31T12:00:0{second}.5Z" for second in range(3))
    sent = log((first, "loss", "0.50"), (first, "loss", "0.50"), (second, "loss", "nan"), (third, "accuracy", "high"))
    report, read = stub(channel, REPORT_OBSERVATION_LOG), stub(channel, GET_OBSERVATION_LOG)
    for _ in range(2):
        report(api.ReportObservationLogRequest(trial_name=trial.name, observation_log=sent))
    told = read(api.GetObservationLogRequest(trial_name=trial.name)).observation_log
    assert [(each.metric.name, each.metric.value) for each in told.metric_logs] == [
        ("loss", "0.50"),
        ("loss", "0.50"),
        ("loss", "nan"),
        ("accuracy", "high"),
    ]
    assert told.metric_logs[0].time_stamp == "2026-01-31T12:00:00.500000Z"
    part = api.GetObservationLogRequest(trial_name=trial.name, metric_name="loss", start_time=second)
    assert [each.metric.value for each in read(part).observation_log.metric_logs] == ["nan"]
    report(api.ReportObservationLogRequest(trial_name=trial.name, observation_log=log(("", "loss", "0.25"))))
    assert desk.lender.complete("study", trial.ordinal, {"loss": 0.25}).value == 0.25
    late = api.ReportObservationLogRequest(trial_name=trial.name, observation_log=sent)
    assert refused(lambda: report(late))[0] is grpc.StatusCode.FAILED_PRECONDITION


def test_other_trials_are_not_known(served: tuple[Desk, grpc.Channel]) -> None:
    desk, channel = served
    desk.create("another", SPEC)
    (trial,) = desk.lender.suggest("another", "a")
    report, delete = stub(channel, REPORT_OBSERVATION_LOG), stub(channel, DELETE_OBSERVATION_LOG)
    for name in ("", "another-bcdfghjk", "nobody-bcdfghjk"):
        assert refused(lambda name=name: report(api.ReportObservationLogRequest(trial_name=name)))[0] is (
            grpc.StatusCode.NOT_FOUND
        )
    delete(api.DeleteObservationLogRequest(trial_name="nobody-bcdfghjk"))
    code, said = refused(lambda: delete(api.DeleteObservationLogRequest(trial_name=trial.name)))
    assert code is grpc.StatusCode.FAILED_PRECONDITION and "as long as the trial" in said
    bad = log(("yesterday", "loss", "1"), ("", "", "1"))
    code, said = refused(lambda: report(api.ReportObservationLogRequest(trial_name=trial.name, observation_log=bad)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "metric_logs[0].time_stamp" in said and "metric_logs[1].metric.name" in said


def test_algorithms_answer_there_too(served: tuple[Desk, grpc.Channel]) -> None:
    _, channel = served
    experiment = api.Experiment(name="katibs")
    experiment.spec.algorithm.algorithm_name = "random"
    experiment.spec.objective.type = api.MINIMIZE
    experiment.spec.objective.objective_metric_name = "loss"
    parameter = experiment.spec.parameter_specs.parameters.add(name="x", parameter_type=api.DOUBLE)
    parameter.feasible_space.min, parameter.feasible_space.max = "0", "1"
    request = api.GetSuggestionsRequest(experiment=experiment, current_request_number=2, total_request_number=2)
    assert len(stub(channel, GET_SUGGESTIONS)(request).parameter_assignments) == 2


def test_reports_are_taken_only_with_a_token_of_their_trial(served: tuple[Desk, grpc.Channel]) -> None:
    """T25, where `--require-trial-token` is given: no trial reports on another one."""
    desk, open_to_all = served
    spec = vizier.StudySpec(
        algorithm="RANDOM_SEARCH",
        metrics=[vizier.StudySpec.MetricSpec(metric_id="loss", goal=vizier.StudySpec.MetricSpec.MINIMIZE)],
        parameters=[
            vizier.StudySpec.ParameterSpec(
                parameter_id="x", double_value_spec=vizier.StudySpec.ParameterSpec.DoubleValueSpec(max_value=1.0)
            )
        ],
    )
    study = vizier.Study(display_name="guarded", study_spec=spec)
    stub(open_to_all, CREATE_STUDY)(vizier.CreateStudyRequest(parent="owners/me", study=study), timeout=60)
    mine, other = desk.lender.suggest("me/guarded", "a", 2)
    desk.create("elsewhere", SPEC)
    tokens = {
        name: create_token(desk.store, role, study=study, ordinal=ordinal, now=1.0)[0]
        for name, role, study, ordinal in (
            ("mine", Role.TRIAL, "me/guarded", mine.ordinal),
            ("user", Role.USER, "", 0),
            ("elsewhere", Role.USER, "elsewhere", 0),
        )
    }
    server = StudyServer(desk, ServeSettings(port=0), tokens=Access(desk.store, seconds=0.0))
    server.start()
    channel = open_channel(server.address)

    def report(token: str | None, trial: str = mine.name) -> object:
        metadata = () if token is None else (("authorization", f"Bearer {tokens.get(token, token)}"),)
        request = api.ReportObservationLogRequest(trial_name=trial, observation_log=log(("", "loss", "1")))
        return stub(channel, REPORT_OBSERVATION_LOG)(request, metadata=metadata, timeout=60)

    def complete(token: str | None, ordinal: int) -> object:
        metadata = () if token is None else (("authorization", f"Bearer {tokens[token]}"),)
        request = vizier.CompleteTrialRequest(
            name=f"owners/me/studies/guarded/trials/{ordinal}",
            final_measurement=vizier.Measurement(metrics=[vizier.Measurement.Metric(metric_id="loss", value=1.0)]),
        )
        return stub(channel, COMPLETE_TRIAL)(request, metadata=metadata, timeout=60)

    try:
        assert refused(lambda: report(None))[0] is grpc.StatusCode.UNAUTHENTICATED
        assert refused(lambda: report("katib_none_such"))[0] is grpc.StatusCode.UNAUTHENTICATED
        assert refused(lambda: complete(None, 1))[0] is grpc.StatusCode.UNAUTHENTICATED
        for denied in (lambda: report("mine", other.name), lambda: complete("mine", other.ordinal)):
            status, said = refused(denied)
            assert status is grpc.StatusCode.PERMISSION_DENIED
            assert said.startswith("the token is for trial 1, not for trial 2 (`katib token create")
        assert refused(lambda: report("elsewhere"))[1].startswith("the token is for study 'elsewhere', not for 'me/")
        assert refused(lambda: report("user", "me/guarded-none"))[0] is grpc.StatusCode.NOT_FOUND
        report("mine")
        report("user", other.name)
        complete("mine", mine.ordinal)
    finally:
        channel.close()
        server.stop(grace=0)
    trials = desk.store.trials(desk.study("me/guarded").uid)
    assert [(trial.state.value, sorted(trial.metrics)) for trial in trials] == [
        ("Succeeded", ["loss"]),
        ("Running", ["loss"]),
    ]
