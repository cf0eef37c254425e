"""What of a long record a model is told, so that asking it stays cheap."""

from collections.abc import Sequence

from katib.core.space import Assignment

Valued = tuple[int, Assignment, float]
"""A trial with a value: its ordinal, its assignment, and the value; lower is better."""


def recalled(valued: Sequence[Valued], *, most: int, best: int) -> list[Valued]:
    """All of `valued` while there are at most `most`; then the `best` best of them and the latest of the rest.

    Of equal values the earlier trial is the better one. The answer keeps the order of `valued`, which is by ordinal.
    """
    if len(valued) <= most:
        return list(valued)
    ranked = sorted(valued, key=lambda each: (each[2], each[0]))
    kept = {ordinal for ordinal, _, _ in ranked[:best]}
    rest = [each for each in valued if each[0] not in kept]
    latest = {ordinal for ordinal, _, _ in rest[len(rest) - (most - best) :]}
    return [each for each in valued if each[0] in kept or each[0] in latest]
