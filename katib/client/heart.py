"""Signs of life for trials that take long: sent in the background, so that whoever runs one need not report to keep it.

One thread for all trials of a client; there is none while it runs no trial, nor in a process that was forked from it.
"""

import logging
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Protocol

from katib.client.calls import Call, Desk
from katib.errors import KatibError

log = logging.getLogger("katib.client")

BEATS = 3
"""In the time of a lease: two may be lost."""

LONGEST_RETRY = 10.0
"""Seconds until a sign of life that got no answer is sent again, at most."""


class Lent(Protocol):
    """A trial that is lent to this client."""

    @property
    def attempt(self) -> int: ...

    @property
    def lease_seconds(self) -> float | None:
        """For how long; None for one that is never taken back."""
        ...

    def sign_of_life(self) -> Call:
        """What keeps it for as long again."""
        ...


@dataclass(kw_only=True)
class _Held:
    """A trial that is kept alive for as long as somebody here has it."""

    trial: weakref.ref[Lent]
    attempt: int
    every: float
    due: float


class Heart:
    """Keeps trials for the client that runs them. Thread-safe."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._held: dict[int, _Held] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hold(self, trial: Lent) -> None:
        """Keep a trial alive from now on, until it is let go or nobody here has it any more."""
        if trial.lease_seconds is None:
            return
        every = trial.lease_seconds / BEATS
        held = _Held(
            trial=weakref.ref(trial),
            attempt=trial.attempt,
            every=every,
            due=time.monotonic() + every,
        )
        with self._changed:
            self._held[id(trial)] = held
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="katib-heartbeat")
                self._thread.start()
            self._changed.notify()

    def let_go(self, trial: Lent) -> None:
        """The trial is over: no more signs of life."""
        with self._changed:
            if self._held.pop(id(trial), None) is not None:
                self._changed.notify()

    def close(self) -> None:
        """Let go of all."""
        with self._changed:
            self._closed = True
            self._held.clear()
            self._changed.notify()

    def _work(self) -> None:
        while (held := self._next()) is not None:
            self._beat(held)

    def _next(self) -> _Held | None:
        """The trial whose sign of life is due, waited for; None when there is no trial any more."""
        with self._changed:
            while True:
                self._held = {key: held for key, held in self._held.items() if held.trial() is not None}
                if not self._held:
                    self._thread = None
                    return None
                first = min(self._held.values(), key=lambda held: held.due)
                wait = first.due - time.monotonic()
                if wait <= 0:
                    return first
                self._changed.wait(wait)

    def _beat(self, held: _Held) -> None:
        trial = held.trial()
        if trial is None:
            return
        # Each time another call: one that is sent again by its key is not done again.
        call = trial.sign_of_life()
        del trial
        try:
            answer = self._desk.call(call)
        except KatibError as error:
            if error.retriable:
                log.debug("no sign of life of trial %d: %s", call.ordinal, error.message)
                held.due = time.monotonic() + min(held.every, LONGEST_RETRY)
            else:
                self._drop(held, call, error.message)
            return
        except Exception as error:
            # The desk was closed under it; anything else is no reason to end the trial either.
            if not self._closed:
                self._drop(held, call, f"{type(error).__name__}: {error}")
            return
        theirs = answer["client"] == (call.body or {})["client"] and answer["attempts"] == held.attempt
        if answer["status"] != "Running" or not theirs:
            self._drop(held, call, f"it is {answer['status']}, with {answer['client']} as attempt {answer['attempts']}")
        held.due = time.monotonic() + held.every

    def _drop(self, held: _Held, call: Call, why: str) -> None:
        log.info("trial %d of %s is kept no longer: %s", call.ordinal, call.study, why)
        with self._changed:
            self._held = {key: each for key, each in self._held.items() if each is not held}
