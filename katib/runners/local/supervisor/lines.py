"""The lines that the journal keeps and that pass between engine and supervisor: one JSON object each.

From the supervisor, and in the journal: what became of a run, `{"run": [trial, attempt], "is": …, "at": seconds}` and

    intended   grace, deadline: it is about to be started
    waiting    message: why it could not be started yet (never in the journal)
    queued     message: it is begun when fewer runs go on; a supervisor that ends forgets it (never in the journal)
    withdrawn  it was queued, and is not begun after all (never in the journal)
    started    pid, identity
    stopping   started, cause, kill_at: it was told to end
    ended      started, code, signal, cause
    refused    message: it cannot be started
    lost       started, message: nobody saw how it ended
    unknown    it is not in the journal (never in the journal)

From the engine, with a number that the answer `{"re": number}` or `{"re": number, "error": …}` repeats, and
`"posted": true` when nobody waits for it:

    hello      env, runs: the environment of the trials to come; what became of these runs?
    watch      runs: what became of these runs?
    launch     runs, each with argv, env, cwd, grace, deadline; limit: as below
    limit      limit: so many runs go on at a time, others are queued
    stop       run, grace
    kill

What became of the runs in question precedes the answer.
"""

import json
from collections.abc import Mapping
from typing import Any

Key = tuple[str, int]
"""(trial, attempt)."""

OVER = frozenset({"ended", "refused", "lost"})

_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(line: dict[str, Any]) -> bytes:
    """One line, with its end."""
    return _encode(line).encode() + b"\n"


def unpack(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """The objects of the complete lines in `data`, and the rest. What is not an object is left out."""
    *complete, rest = data.split(b"\n")
    found = []
    for line in complete:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found, rest


def key_of(line: Mapping[str, Any]) -> Key:
    """Which run a line is about."""
    trial, attempt = line["run"]
    return (trial, attempt)
