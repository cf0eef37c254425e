"""How many trials: in all, at a time, failed; and what may change later."""

from collections.abc import Iterator

from katib.errors import Fault
from katib.spec.experiment import Experiment
from katib.spec.rules.table import Cluster, Rule, by_type

MAX, PARALLEL, FAILED = "spec.maxTrialCount", "spec.parallelTrialCount", "spec.maxFailedTrialCount"
SECONDS, STALE = "spec.maxSeconds", "spec.maxStaleTrialCount"
REPLICATES = "spec.replicates"

MOST_REPLICATES = 1000


def _failed_sign(experiment: Experiment) -> Iterator[Fault]:
    failed = experiment.spec.max_failed_trial_count
    if failed is not None and failed < 0:
        yield Fault(path=FAILED, given=str(failed), wanted="0 or more")


def _max_sign(experiment: Experiment) -> Iterator[Fault]:
    most = experiment.spec.max_trial_count
    if most is not None and most <= 0:
        yield Fault(path=MAX, given=str(most), wanted="1 or more", hint="leave it out for no limit")


def _parallel_sign(experiment: Experiment) -> Iterator[Fault]:
    parallel = experiment.spec.parallel_trial_count
    if parallel is not None and parallel <= 0:
        yield Fault(path=PARALLEL, given=str(parallel), wanted="1 or more")


def _failed_of_max(experiment: Experiment) -> Iterator[Fault]:
    failed, most = experiment.spec.max_failed_trial_count, experiment.spec.max_trial_count
    if failed is not None and most is not None and failed > most > 0:
        yield Fault(path=FAILED, given=str(failed), wanted=f"at most maxTrialCount, which is {most}")


def _parallel_of_max(experiment: Experiment) -> Iterator[Fault]:
    parallel, most = experiment.spec.parallel_trial_count, experiment.spec.max_trial_count
    if parallel is not None and most is not None and parallel > most > 0:
        yield Fault(path=PARALLEL, given=str(parallel), wanted=f"at most maxTrialCount, which is {most}")


def _time_and_patience(experiment: Experiment) -> Iterator[Fault]:
    seconds, stale = experiment.spec.max_seconds, experiment.spec.max_stale_trial_count
    if seconds is not None and seconds <= 0:
        yield Fault(path=SECONDS, given=f"{seconds:g}", wanted="more than 0 seconds", hint="leave it out for no limit")
    if stale is not None and stale <= 0:
        yield Fault(path=STALE, given=str(stale), wanted="1 or more", hint="leave it out for no limit")


def _replicates(experiment: Experiment) -> Iterator[Fault]:
    replicates = experiment.spec.replicates
    if replicates is not None and not 1 <= replicates <= MOST_REPLICATES:
        yield Fault(path=REPLICATES, given=str(replicates), wanted=f"from 1 to {MOST_REPLICATES} trials of each point")


RULES = (
    Rule(id="max-failed-sign", refuses="maxFailedTrialCount < 0", check=_failed_sign, cluster=Cluster.CRD, katib=2),
    Rule(id="max-trials-sign", refuses="maxTrialCount <= 0", check=_max_sign, cluster=Cluster.CRD, katib=3),
    Rule(id="parallel-sign", refuses="parallelTrialCount <= 0", check=_parallel_sign, cluster=Cluster.CRD, katib=4),
    Rule(
        id="max-failed-of-max",
        refuses="maxFailedTrialCount > maxTrialCount, where both are set",
        check=_failed_of_max,
        cluster=Cluster.CRD,
        katib=5,
    ),
    Rule(
        id="parallel-of-max",
        refuses="parallelTrialCount > maxTrialCount, where both are set; a default is lowered instead",
        check=_parallel_of_max,
        cluster=Cluster.CRD,
        katib=6,
    ),
    Rule(
        id="time-and-patience",
        refuses="maxSeconds <= 0, maxStaleTrialCount <= 0",
        check=_time_and_patience,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="replicates",
        refuses=f"replicates outside 1 to {MOST_REPLICATES}",
        check=_replicates,
        cluster=Cluster.CRD,
    ),
    Rule(
        id="edit-finished",
        refuses="an edit of a finished experiment that its resumePolicy does not let go on",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=7,
    ),
    Rule(
        id="edit-max",
        refuses="an edited maxTrialCount that is not above the trials there are",
        check=None,
        cluster=Cluster.OPERATOR,
        katib=8,
    ),
    Rule(
        id="edit-budget-only",
        refuses="an edit of anything but parallelTrialCount, maxTrialCount, maxFailedTrialCount, maxSeconds, "
        "maxStaleTrialCount",
        check=None,
        cluster=Cluster.CRD,
        katib=9,
    ),
    Rule(
        id="resume-policy",
        refuses="a resumePolicy other than Never, LongRunning, FromVolume",
        check=by_type,
        cluster=Cluster.CRD,
        katib=13,
    ),
)
