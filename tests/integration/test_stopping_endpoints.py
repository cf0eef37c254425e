"""Early stopping of somebody else's servers: what is sent, what is taken from the answer, what a failure becomes."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from katib.config import EarlyStoppingSettings, Settings, from_environment
from katib.core.stopping import Comparison, StoppingAbilities, StopRule
from katib.core.trial import TrialState
from katib.embedded.session import Session
from katib.embedded.starting import start
from katib.errors import AlgorithmFailed, Fault, InvalidInput
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import (
    GET_EARLY_STOPPING_RULES,
    GET_OBSERVATION_LOG,
    VALIDATE_EARLY_STOPPING_SETTINGS,
    handlers,
    stub,
)
from katib.service.explain import explain
from katib.spec.quick import experiment_from_command
from katib.suggestion.early_stopping import open_early_stopping
from katib.suggestion.early_stopping.grpc import GrpcEarlyStopping
from katib.testing.early_stopping import SCRIPTS, stopping_config, told

CODE = grpc.StatusCode
CONFIG = stopping_config("theirs", {"a": "1", "shadow": "true"})
WAIT = "while :; do sleep 0.05; done"


def rule(**fields: Any) -> api.EarlyStoppingRule:
    return api.EarlyStoppingRule(
        **{"name": "loss", "value": "5.0", "comparison": api.GREATER, "start_step": 2, **fields}
    )


class Theirs:
    """A server of Katib's API that answers what it is told, and reads logs as Katib's own does."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.asked: list[Any] = []
        self.logs: dict[str, list[str]] = {}
        self.rules = [rule()]
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.release: threading.Event | None = None
        self.hangs_from = 1
        self.until: Callable[[], bool] = lambda: True
        self.server = grpc.server(ThreadPoolExecutor(4))
        methods = {GET_EARLY_STOPPING_RULES: self.answer, VALIDATE_EARLY_STOPPING_SETTINGS: self.validate}
        self.server.add_generic_rpc_handlers(handlers(methods))
        self.endpoint = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self.asked.append(request)
        end = time.monotonic() + 0.5
        while not self.until() and time.monotonic() < end:
            time.sleep(0.01)
        if self.release and len(self.asked) >= self.hangs_from:
            self.release.wait(60)
        if self.refusal:
            context.abort(*self.refusal)
        # Two parts, or Katib's service falls over.
        host, port = request.db_manager_address.split(":")
        with open_channel(f"{host}:{port}") as channel:
            for trial in request.trials:
                if trial.status.condition == api.TrialStatus.SUCCEEDED:
                    ask = api.GetObservationLogRequest(trial_name=trial.name, metric_name="loss")
                    log = stub(channel, GET_OBSERVATION_LOG)(ask, timeout=30).observation_log
                    self.logs[trial.name] = [each.metric.value for each in log.metric_logs]
        return api.GetEarlyStoppingRulesReply(early_stopping_rules=self.rules)

    def validate(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        if self.refusal:
            context.abort(*self.refusal)
        return api.ValidateEarlyStoppingSettingsReply()


@pytest.fixture
def theirs() -> Iterator[Theirs]:
    server = Theirs()
    yield server
    if server.release:
        server.release.set()
    server.server.stop(None).wait()


@pytest.fixture
def client(theirs: Theirs) -> Iterator[GrpcEarlyStopping]:
    client = GrpcEarlyStopping(theirs.endpoint, EarlyStoppingSettings(connect=0.3, deadline=20))
    yield client
    client.close()


def test_it_gives_rules_and_judges_nothing(client: GrpcEarlyStopping) -> None:
    assert client.abilities("theirs") == StoppingAbilities(live=False, rules=True)
    assert client.settings("theirs") == ()


@pytest.mark.parametrize("code", [CODE.INVALID_ARGUMENT, CODE.UNKNOWN])
def test_a_refusal_is_a_fault_in_the_servers_words(
    theirs: Theirs, client: GrpcEarlyStopping, code: grpc.StatusCode
) -> None:
    theirs.refusal = (code, "start_step must be greater or equal than one (>=1)")
    assert client.validate(CONFIG) == (
        Fault(path="spec.earlyStopping", wanted="start_step must be greater or equal than one (>=1)"),
    )


@pytest.mark.parametrize("code", [CODE.UNIMPLEMENTED, CODE.INTERNAL, CODE.NOT_FOUND])
def test_any_other_code_lets_the_experiment_pass(
    theirs: Theirs, client: GrpcEarlyStopping, code: grpc.StatusCode
) -> None:
    theirs.refusal = (code, "a bad day")
    assert client.validate(CONFIG) == ()


def test_what_is_sent_is_what_katib_would_send(theirs: Theirs, client: GrpcEarlyStopping) -> None:
    """`shadow` is not: the server knows no such setting, and whether to stop is decided here."""
    trials, record = told(SCRIPTS["without steps"], CONFIG.objective)
    trials[0] = replace(trials[0], state=TrialState.METRICS_UNAVAILABLE, value=None)
    assert client.rules(CONFIG, trials, record) == (
        StopRule(name="loss", value=5.0, comparison=Comparison.GREATER, start_step=2),
    )
    (request,) = theirs.requests
    spec = request.experiment.spec
    assert spec.early_stopping.algorithm_name == "theirs"
    assert [(each.name, each.value) for each in spec.early_stopping.algorithm_settings] == [("a", "1")]
    assert (spec.objective.objective_metric_name, len(spec.parameter_specs.parameters)) == (
        "loss",
        len(CONFIG.space.parameters),
    )
    assert [each.name for each in request.trials] == [each.name for each in trials[1:]]
    client.validate(CONFIG)
    assert [each.name for each in theirs.requests[-1].early_stopping.algorithm_settings] == ["a"]


def test_it_reads_from_us_what_trials_reported(theirs: Theirs, client: GrpcEarlyStopping) -> None:
    trials, record = told(SCRIPTS["without steps"], CONFIG.objective)
    client.rules(CONFIG, trials, record)
    curves = {f"study-{curve.ordinal}": [repr(value) for value in curve.of("loss").values] for curve in record.finished}
    assert theirs.logs == curves
    assert len(theirs.logs["study-3"]) == 12
    (address,) = {request.db_manager_address for request in theirs.requests}
    with open_channel(address) as channel:
        for asked, metrics in [("study-3", ["loss"] * 12), ("study-4711", [])]:
            log = stub(channel, GET_OBSERVATION_LOG)(api.GetObservationLogRequest(trial_name=asked), timeout=30)
            assert [each.metric.name for each in log.observation_log.metric_logs] == metrics
            assert {each.time_stamp for each in log.observation_log.metric_logs} <= {"0001-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (rule(name="accuracy"), "a rule for 'accuracy', which is none of the metrics loss, other"),
        (rule(value="much"), "compares loss with 'much', which is no number"),
        (rule(value="nan"), "compares loss with 'nan', which is no number"),
        (rule(start_step=-1), "a rule with the start step -1"),
    ],
)
def test_a_rule_that_no_trial_could_meet_is_a_failure(
    theirs: Theirs, client: GrpcEarlyStopping, answered: api.EarlyStoppingRule, said: str
) -> None:
    theirs.rules = [answered]
    with pytest.raises(AlgorithmFailed, match=said) as raised:
        client.rules(CONFIG, *told([], CONFIG.objective))
    assert raised.value.why == "nonsense"


def test_a_comparison_that_is_not_known_means_equal(theirs: Theirs, client: GrpcEarlyStopping) -> None:
    theirs.rules = [rule(comparison=api.UNKNOWN_COMPARISON)]
    assert [each.comparison for each in client.rules(CONFIG, *told([], CONFIG.objective))] == [Comparison.EQUAL]


def test_a_server_that_is_away(theirs: Theirs, client: GrpcEarlyStopping) -> None:
    theirs.server.stop(None).wait()
    for ask in (lambda: client.validate(CONFIG), lambda: client.rules(CONFIG, *told([], CONFIG.objective))):
        with pytest.raises(AlgorithmFailed, match=f"at {theirs.endpoint} cannot be reached") as raised:
            ask()
        assert raised.value.why == "unreachable"


def test_a_server_that_hangs_is_not_waited_for_longer_than_the_deadline(theirs: Theirs) -> None:
    theirs.release = threading.Event()
    client = GrpcEarlyStopping(theirs.endpoint, EarlyStoppingSettings(deadline=0.2))
    with pytest.raises(AlgorithmFailed, match=r"did not answer within 0\.2 seconds") as raised:
        client.rules(CONFIG, *told([], CONFIG.objective))
    assert raised.value.why == "timeout"
    client.close()


@pytest.mark.parametrize("word", ["a", "a=", "=host:1", "a=host", "a=http://host:1", "a=host:port", "a=::1:5"])
def test_an_endpoint_that_is_none_is_refused(word: str) -> None:
    settings = from_environment({"KATIB_EARLY_STOPPING_ENDPOINTS": word}).early_stopping
    with pytest.raises(InvalidInput, match="--early-stopping-endpoint: NAME=HOST:PORT"):
        open_early_stopping(settings)


# In an engine that runs real trials


def run(folder: Path, theirs: Theirs, script: str, *, deadline: float = 60.0, first: float = 30.0) -> Any:
    """Its trials, and what explain tells of it."""
    document = experiment_from_command(
        name="study",
        params=["x=float:0:1"],
        command=["/bin/sh", "-c", script, "{x}"],
        objectives={"loss": "minimize"},
        max_trials=3,
        parallel=1,
        early_stopping="theirs",
    )
    endpoints = {"theirs": theirs.endpoint}
    settings = EarlyStoppingSettings(endpoints=endpoints, connect=0.3, deadline=deadline, first=first)
    with Session(str(folder / "katib.db"), Settings(early_stopping=settings)) as session:
        study = start(session, document, lines=None, run_root=folder / "runs", workdir=folder).study
        session.run(study.name)
        explained = explain(session.store, study.name, now=math.inf, tail_of=lambda _trial: "")
        return session.store.trials(study.uid), [event["message"] for event in explained.events]


def test_its_rules_stop_trials_from_the_first_one_on(theirs: Theirs, tmp_path: Path) -> None:
    """The answer comes when a trial has begun, which would be too late for it; or in half a second, when none has."""
    began = tmp_path / "began"
    theirs.until = lambda: began.exists()
    trials, _ = run(tmp_path, theirs, f"touch {began}; echo loss=9; echo loss=8; {WAIT}")
    assert [trial.state for trial in trials] == [TrialState.EARLY_STOPPED] * 3
    stop = trials[0].stopped_by
    assert stop is not None
    assert (stop.rule, stop.value, stop.threshold, stop.step) == ("theirs", 8.0, 5.0, 2)


def test_one_that_hangs_stalls_nothing(theirs: Theirs, tmp_path: Path) -> None:
    theirs.release = threading.Event()
    trials, _ = run(tmp_path, theirs, "echo loss=1", first=0.0)
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}


def test_while_one_hangs_trials_are_judged_by_the_rules_that_they_have(theirs: Theirs, tmp_path: Path) -> None:
    """It answers once, and hangs from then on: when the first trial has ended."""
    theirs.release, theirs.hangs_from = threading.Event(), 2
    trials, _ = run(tmp_path, theirs, f"echo loss=9; echo loss=8; {WAIT}")
    assert [trial.state for trial in trials] == [TrialState.EARLY_STOPPED] * 3


def test_one_that_breaks_is_told_of_and_what_it_said_before_holds(theirs: Theirs, tmp_path: Path) -> None:
    """It breaks after the first answer; the later trials still have its rules."""
    once = theirs.answer

    def then_broken(request: Any, context: grpc.ServicerContext) -> Any:
        theirs.refusal = (CODE.UNKNOWN, "division by zero") if theirs.asked else None
        return once(request, context)

    server = grpc.server(ThreadPoolExecutor(2))
    methods = {GET_EARLY_STOPPING_RULES: then_broken, VALIDATE_EARLY_STOPPING_SETTINGS: theirs.validate}
    server.add_generic_rpc_handlers(handlers(methods))
    theirs.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    # The second trial goes on until the failure is known: it is asked for rules when the first one has ended.
    trials, told = run(tmp_path, theirs, f"echo loss=9; echo loss=8; {WAIT}")
    server.stop(None).wait()
    assert [trial.state for trial in trials] == [TrialState.EARLY_STOPPED] * 3
    assert any("answered UNKNOWN: division by zero" in message for message in told), told
    assert any("trials run on" in message for message in told)
