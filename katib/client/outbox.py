"""Calls that ride out an outage: retried until the server is there again; reports are kept and sent later, in order."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from katib.client.calls import Call, Desk
from katib.client.heart import Heart, Lent
from katib.errors import KatibError

log = logging.getLogger("katib.client")

PATIENCE = 600.0
"""Seconds in which a server that has answered before is waited for."""

FIRST_PATIENCE = 3.0
"""Seconds in which one is waited for that never answered: most likely its address is wrong."""

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
"""Seconds between tries; doubled each time."""

BATCH = 1000
"""Measurements in one request."""

MOST_KEPT = 1_000_000
"""Measurements; some hundred MB."""


class Outbox:
    """Sends calls to a desk. Thread-safe.

    Args:
        patience: seconds after which a call that got no answer gives up.
        heartbeat: keep the trials that are run here, though nothing is reported of them.
        wait: waits so many seconds.
        clock: seconds, from any origin.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        patience: float = PATIENCE,
        heartbeat: bool = True,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = desk
        self._heart = Heart(desk) if heartbeat else None
        self._patience = patience
        self._wait = wait
        self._clock = clock
        self._met = False
        self._kept: deque[Call] = deque()
        self._sending = threading.RLock()
        self._next_try = 0.0
        self._delay = FIRST_DELAY

    def call(self, call: Call) -> Any:
        """The answer, however long it takes within the patience; what is kept is sent before.

        Raises:
            KatibError: as the desk does; one that is `retriable` after the patience only.
        """
        started, delay = self._clock(), FIRST_DELAY
        while True:
            try:
                self._send_kept()
                answer = self._desk.call(call)
            except KatibError as error:
                self._met |= not error.retriable
                patience = self._patience if self._met else min(self._patience, FIRST_PATIENCE)
                left = started + patience - self._clock()
                if not error.retriable or left <= 0:
                    raise
                log.warning("%s; trying again for %.0f s", error.message, left)
                self._wait(min(delay * random.uniform(0.5, 1.0), left))
                delay = min(2 * delay, LONGEST_DELAY)
            else:
                self._met = True
                return answer

    def report(self, call: Call) -> bool:
        """Send a report, or keep it for later. Whether the trial is to stop, as far as that is known.

        Raises:
            KatibError: this report or one that was kept was refused; it is not sent again. Or too many are kept.
        """
        with self._sending:
            if len(self._kept) >= MOST_KEPT:
                raise KatibError(f"{MOST_KEPT} reports wait for the server, and no more can be kept")
            self._kept.append(call)
            if self._clock() < self._next_try:
                return False
            try:
                return self._send_kept()
            except KatibError as error:
                if not error.retriable:
                    raise
                self._pause(error)
                return False

    @property
    def away(self) -> bool:
        """Whether the server did not answer lately, and reports are kept."""
        return self._clock() < self._next_try

    def ask(self, call: Call) -> Any | None:
        """The answer if there is one now; None while the desk cannot be reached. What is kept is sent before.

        Raises KatibError as the desk does, one that is `retriable` apart.
        """
        try:
            self._send_kept()
            return self._desk.call(call)
        except KatibError as error:
            if not error.retriable:
                raise
            self._pause(error)
            return None

    def keep(self, trial: Lent) -> None:
        """Send signs of life of a trial that is run here; see `Heart.hold`."""
        if self._heart is not None:
            self._heart.hold(trial)

    def let_go(self, trial: Lent) -> None:
        """The trial is over."""
        if self._heart is not None:
            self._heart.let_go(trial)

    def flush(self) -> None:
        """Send what is kept. Raises as `call`."""
        if self._kept:
            last = self._kept[-1]
            # Something that whoever reports may ask, with the token of a trial, too.
            self.call(Call(operation="get_trial", study=last.study, ordinal=last.ordinal))

    def close(self) -> None:
        """Send what is kept, and let go of the desk. Raises as `call`."""
        try:
            self.flush()
        finally:
            if self._heart is not None:
                self._heart.close()
            self._desk.close()

    def _send_kept(self) -> bool:
        """Send what is kept, in order, measurements of one trial together. Whether the last one's trial is to stop."""
        with self._sending:
            stop = False
            while self._kept:
                batch = self._batch()
                measurements = [each for call in batch for each in (call.body or {})["measurements"]]
                first = batch[0]
                merged = Call(
                    operation="report",
                    study=first.study,
                    ordinal=first.ordinal,
                    body={**(first.body or {}), "measurements": measurements},
                    key=f"{first.key}-{len(batch)}",
                )
                try:
                    answer = self._desk.call(merged)
                except Exception as error:
                    # What nobody can take must not stand in the way of all that comes after it.
                    if not (isinstance(error, KatibError) and error.retriable):
                        self._drop(len(batch))
                    raise
                self._drop(len(batch))
                self._met, self._delay, self._next_try = True, FIRST_DELAY, 0.0
                stop = bool(answer["should_stop"])
            return stop

    def _pause(self, error: KatibError) -> None:
        """Leave the desk alone for a while."""
        log.warning("%s; %d reports are kept", error.message, len(self._kept))
        self._next_try = self._clock() + self._delay
        self._delay = min(2 * self._delay, LONGEST_DELAY)

    def _batch(self) -> list[Call]:
        """The calls that come first, as long as they are of the same trial and attempt."""
        first = self._kept[0]
        batch: list[Call] = []
        for call in self._kept:
            same = (call.study, call.ordinal) == (first.study, first.ordinal)
            if len(batch) == BATCH or not same or (call.body or {}).get("attempt") != (first.body or {}).get("attempt"):
                break
            batch.append(call)
        return batch

    def _drop(self, number: int) -> None:
        for _ in range(number):
            self._kept.popleft()
