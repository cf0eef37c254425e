"""Early stopping algorithms that give rules, raise or hang, in an engine that runs real trials."""

import threading

import pytest

from katib.core.stopping import Comparison, StoppingAbilities, StopRule
from katib.core.trial import TrialState
from katib.embedded.session import Session
from katib.embedded.starting import start
from katib.spec.quick import experiment_from_command

WAIT = "while :; do sleep 0.05; done"


class Service:
    """An early stopping algorithm, as a test wants it."""

    live = True

    def abilities(self, name):
        return StoppingAbilities(live=self.live)

    def settings(self, name):
        return ()

    def validate(self, config):
        return ()

    def judge(self, config):
        return self

    metrics = frozenset({"loss"})

    def close(self):
        pass


@pytest.fixture
def run(tmp_path):
    """Run a study to its end; its trials and its events."""

    def running(service, script, *, max_trials=3):
        document = experiment_from_command(
            name="study",
            params=["x=float:0:1"],
            command=["/bin/sh", "-c", script, "{x}"],
            objectives={"loss": "minimize"},
            max_trials=max_trials,
            parallel=1,
            early_stopping="theirs",
        )
        with Session(str(tmp_path / "katib.db"), early_stopping=service) as session:
            study = start(session, document, lines=None, run_root=tmp_path / "runs", workdir=tmp_path).study
            session.run(study.name)
            return session.store.trials(study.uid), session.store.events(study.uid)

    return running


class Rules(Service):
    """Gives rules; `asked` is there once they were asked for, `seen` is how many trials it was told of each time."""

    live = False

    def __init__(self, asked):
        self.asked, self.seen = asked, []

    def rules(self, config, trials, record):
        self.seen.append(sum(trial.finished for trial in trials))
        self.asked.touch()
        return (StopRule(name="loss", value=5.0, comparison=Comparison.GREATER, start_step=2),)


def test_rules_are_attached_to_trials_that_start_and_stop_them(run, tmp_path):
    """The first trial waits until there are rules; it may have begun before."""
    first = "if mkdir first; then until [ -e asked ]; do sleep 0.01; done; echo loss=1; exit 0; fi"
    service = Rules(tmp_path / "asked")
    trials, _events = run(service, f"{first} 2>/dev/null; echo loss=9; echo loss=8; echo loss=7; {WAIT}")
    assert [trial.state for trial in trials] == [TrialState.SUCCEEDED, *[TrialState.EARLY_STOPPED] * 2]
    stop = trials[1].stopped_by
    assert (stop.rule, stop.value, stop.threshold, stop.step) == ("theirs", 8.0, 5.0, 2)
    assert trials[1].rules == service.rules(None, [], None)
    assert trials[1].value == 7.0
    assert {0, 1} <= set(service.seen), "they were asked for again when a trial had finished"


class Raises(Service):
    def should_stop(self, trial, report, record):
        raise ZeroDivisionError("no median of nothing")


def test_one_that_raises_is_told_once_and_trials_run_to_their_end(run):
    trials, events = run(Raises(), "echo loss=1; echo loss=2")
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
    assert [event.message for event in events if event.reason == "EarlyStoppingFailed"] == [
        "early stopping 'theirs' failed, and trials run on: ZeroDivisionError: no median of nothing"
    ]


class Hangs(Service):
    def __init__(self):
        self.never = threading.Event()

    def should_stop(self, trial, report, record):
        self.never.wait()


def test_one_that_hangs_delays_nothing(run):
    service = Hangs()
    trials, _events = run(service, "echo loss=1")
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
    service.never.set()
