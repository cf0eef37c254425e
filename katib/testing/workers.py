"""An algorithm and a number of workers that run what it suggests, in a time of their own: no engine, no processes."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace

from katib.core.advice import AdviceReply
from katib.core.study import StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.testing.algorithms import RECORDS, trial

Ask = Callable[[StudyConfig, Sequence[Trial], Sequence[int]], AdviceReply]
"""`SuggestionService.suggest` is one."""

End = tuple[TrialState, Reason, float | None]

SUCCEEDED, FAILED, LOST = (
    (TrialState.SUCCEEDED, Reason.SUCCEEDED),
    (TrialState.FAILED, Reason.EXIT_CODE),
    (TrialState.FAILED, Reason.LOST_TOO_OFTEN),
)


def play(
    ask: Ask,
    config: StudyConfig,
    *,
    workers: int,
    trials: int,
    end: Callable[[Trial], End],
    seconds: Callable[[Trial], float] = lambda _trial: 1.0,
) -> list[Trial]:
    """Run `trials` trials and return them by ordinal. Fails as soon as a worker has nothing to do.

    Args:
        end: what becomes of a trial.
        seconds: how long it runs.
    """
    record: dict[int, Trial] = {}
    running: list[tuple[float, int]] = []
    now = 0.0
    while len(record) < trials or running:
        wanted = range(len(record) + 1, len(record) + 1 + min(workers - len(running), trials - len(record)))
        if wanted:
            reply = ask(config, list(record.values()), wanted)
            assert [each.ordinal for each in reply.advice] == list(wanted), "a worker is idle"
            for advice in reply.advice:
                started = trial(advice, RECORDS["all running"])
                record[started.ordinal] = started
                heapq.heappush(running, (now + seconds(started), started.ordinal))
        now, ordinal = heapq.heappop(running)
        state, reason, value = end(record[ordinal])
        record[ordinal] = replace(record[ordinal], state=state, reason=reason, value=value)
    return list(record.values())
