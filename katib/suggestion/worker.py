"""The worker process: `python -m katib.suggestion.worker FD` answers what is asked over socket FD until it closes.

It holds what makes answers cheap, an algorithm's instance and a mirror of the record for each study, and nothing that
an answer needs: a worker that lost it asks for the whole record.
"""

import faulthandler
import os
import socket
import sys
import time
import traceback
from collections import OrderedDict
from typing import Any

from katib.core.trial import Trial
from katib.errors import OUTSIDE_TEXT_LIMIT, AlgorithmFailed, InvalidInput, KatibError
from katib.suggestion.local import KEPT, LocalSuggestions, study_key
from katib.suggestion.registry import Registry
from katib.suggestion.wire import Answer, Channel, Describe, Failure, Hello, NeedFull, Question, Suggest, Validate

ORPHAN_CHECK = 10.0
"""Seconds between looks whether the parent lives. Its end of the socket closes when it dies, unless a fork holds it."""


class Worker:
    """Answers questions."""

    def __init__(self, registry: Registry) -> None:
        self._algorithms = LocalSuggestions(registry)
        self._records: OrderedDict[str, tuple[int, dict[int, Trial]]] = OrderedDict()

    def answer(self, request: Describe | Validate | Suggest) -> Answer | NeedFull | Failure:
        """The answer to a request; never raises what an algorithm raises."""
        try:
            return self._answer(request)
        except InvalidInput as error:
            return Failure(kind="InvalidInput", message=error.what, faults=error.faults, hint=error.hint)
        except AlgorithmFailed as error:
            return Failure(kind="AlgorithmFailed", message=error.message, hint=error.hint, why=error.why)
        except KatibError as error:
            return Failure(kind=type(error).__name__, message=error.message, hint=error.hint)
        except Exception as error:
            name = request.algorithm if isinstance(request, Describe) else request.config.algorithm
            return Failure(kind="AlgorithmFailed", message=_raised(name, error), why="error")

    def _answer(self, request: Describe | Validate | Suggest) -> Answer | NeedFull:
        if isinstance(request, Describe):
            known = self._algorithms
            return Answer(value=(known.abilities(request.algorithm), known.settings(request.algorithm)))
        if isinstance(request, Validate):
            return Answer(value=self._algorithms.validate(request.config))
        trials = self._record(request)
        if trials is None:
            return NeedFull()
        return Answer(value=self._algorithms.suggest(request.config, list(trials.values()), request.ordinals))

    def _record(self, request: Suggest) -> dict[int, Trial] | None:
        study = study_key(request.config)
        version, trials = self._records.pop(study, (0, {}))
        if request.base == 0:
            trials = {}
        elif version != request.base:
            return None
        trials.update((trial.ordinal, trial) for trial in request.changed)
        self._records[study] = (request.version, trials)
        while len(self._records) > KEPT:
            self._records.popitem(last=False)
        return trials


def _raised(name: str, error: Exception) -> str:
    trace = "".join(traceback.format_exception(error))
    return f"algorithm {name!r} raised {type(error).__name__}: {error}\n{trace[-OUTSIDE_TEXT_LIMIT:]}"


def _next(channel: Channel, parent: int) -> Any:
    while not channel.readable(ORPHAN_CHECK):
        if os.getppid() != parent:
            raise EOFError("the parent is gone")
    return channel.receive()


def main(fd: int) -> None:
    """Serve until the other end closes."""
    faulthandler.enable()
    parent = os.getppid()
    channel = Channel(socket.socket(fileno=fd))
    hello: Hello = channel.receive()
    sys.path[:] = hello.path
    worker = Worker(Registry(hello.extra))
    while True:
        question: Question = _next(channel, parent)
        # A thread outside of the interpreter: it prints where Python stands and ends the process, whatever hangs.
        faulthandler.dump_traceback_later(max(question.deadline - time.monotonic(), 0.001), exit=True)
        answer = worker.answer(question.request)
        faulthandler.cancel_dump_traceback_later()
        channel.send(answer)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except (EOFError, OSError):
        # The engine is done with us, or gone. Threads that an algorithm left behind must not hold the process.
        os._exit(0)
