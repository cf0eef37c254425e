"""Trials that users add: to be run by whoever asks next, or with results that are known."""

from collections.abc import Mapping, Sequence

from katib.core import lending
from katib.core.advice import Advice
from katib.core.observation import fold
from katib.service.once import Once
from katib.service.open_studies import OpenStudies
from katib.service.reading import completion, condition_after
from katib.service.values import assignment_of, final_values
from katib.stores.contract import Changes, StudyView

Added = tuple[Mapping[str, object], Mapping[str, float] | None]
"""An assignment, and the metrics that it led to; None where it is to be run."""

ORIGIN_LABEL = "katib.kubeflow.org/origin"
BY_HAND = "user"
"""The label of a trial that a user made, and not an algorithm."""
COPIED = "copied"
"""The label of one that its study began with."""


def add_trials(
    studies: OpenStudies, key: str, added: Sequence[Added], *, origin: str, begun: Sequence[int], once: Once | None
) -> list[int]:
    """Add any number of trials in two transactions; their ordinals. All of them or none.

    Args:
        origin: what they are labelled with.
        begun: their ordinals, when they were created already: what is missing of them, the results of those that are
            open, is added.
        once: the request that this is done for, if it has a key.

    Raises:
        NotFound: no such study.
        InvalidInput: some assignment is not in the search space, or a value is missing; with all faults of the first
            such trial.
    """
    opened = studies.get(key)
    checked = [assignment_of(opened.config.space, assignment) for assignment, _ in added]

    def create(view: StudyView, _now: float) -> tuple[Changes | None, list[int]]:
        for number, (_, metrics) in enumerate(added):
            if metrics is not None:
                final_values(view.study.objectives, metrics, fold({}, ()), number + 1)
        first = view.study.summary.highest_ordinal + 1
        ordinals = list(range(first, first + len(checked)))
        advice = tuple(
            Advice(ordinal=ordinal, assignment=assignment, labels={ORIGIN_LABEL: origin})
            for ordinal, assignment in zip(ordinals, checked, strict=True)
        )
        moves, receipt = tuple(lending.added(each) for each in advice), once.receipt(ordinals) if once else None
        return Changes(advice=advice, transitions=moves, receipt=receipt), ordinals

    def complete(view: StudyView, now: float) -> tuple[Changes | None, None]:
        open_ones = {trial.ordinal: trial for trial in view.unfinished}
        ends = [
            completion(view.study, open_ones[ordinal], metrics, step=None, now=now)
            for ordinal, (_, metrics) in zip(ordinals, added, strict=True)
            if metrics is not None and ordinal in open_ones
        ]
        if not ends:
            return None, None
        moves, points = [move for _, move in ends], [each for each, _ in ends if each]
        return Changes(observations=points, transitions=moves, condition=condition_after(view, moves, now)), None

    with opened.turn:
        # In one turn, so that no client of this process is given a trial whose result is known.
        ordinals = list(begun) or studies.change(key, create).result
        if any(metrics is not None for _, metrics in added):
            studies.change(key, complete)
    return ordinals
