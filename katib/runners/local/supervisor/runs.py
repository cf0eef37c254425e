"""The runs of one run directory: starts them, ends them, sees them end, and finds them again after a restart."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from . import layout, processes
from .journal import Journal
from .lines import OVER, Key, key_of, pack
from .waiting import Queue

RETRY_AFTER = 0.5
"""Seconds before the system is asked again for what it had no room for: a process, a line of the journal."""
LOOK_EVERY = 0.25
"""Seconds between looks at adopted processes. They are not our children, so no signal tells of their end."""


STRAYS_FOR = 2.0
"""Seconds after an end in which what it left behind is looked for again, each time it is looked at adopted processes:
one that is just becoming another program shows nobody's environment for a moment.
"""


class Teller(Protocol):
    """Hears what became of runs."""

    def __call__(self, line: bytes, *, urgent: bool) -> None: ...


class Run:
    """A run that is not over.

    Attributes:
        pid: 0 until it is started.
        child: whether it is ours, so that we will learn how it ends.
        cause: why it was told to end; empty while it was not.
        kill_at, deadline_at: by `time.monotonic`; None when there is no such time.
    """

    __slots__ = ("cause", "child", "deadline_at", "grace", "identity", "key", "kill_at", "pid", "started")

    def __init__(self, key: Key, intended: Mapping[str, Any]) -> None:
        self.key = key
        self.grace = float(intended["grace"])
        self.pid = 0
        self.child = False
        self.identity = ""
        self.started = float(intended["at"])
        self.cause = ""
        self.kill_at: float | None = None
        self.deadline_at: float | None = None

    def signal(self, number: int) -> None:
        """Signal the whole group, unless what has the pid by now is another process."""
        if self.child or processes.alive(self.pid, self.identity):
            processes.signal_group(self.pid, number)


class Runs:
    """All runs on record.

    Args:
        tell: called with each line that says what became of one, and whether somebody waits for that.
    """

    def __init__(self, run_dir: Path, tell: "Teller") -> None:
        self._dir = run_dir
        self._tell = tell
        self._journal = Journal(layout.journal(run_dir))
        self._marker: re.Pattern[bytes] = layout.marker(run_dir)
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._latest: dict[Key, bytes] = {}
        self._live: dict[Key, Run] = {}
        self._children: dict[int, Run] = {}
        self._recorded: list[tuple[dict[str, Any], Mapping[str, str], int]] = []
        self._postponed: dict[Key, tuple[dict[str, Any], Mapping[str, str]]] = {}
        self._queue = Queue()
        self._retry_at = self._look_at = self._strays_until = 0.0
        self._recover()

    @property
    def idle(self) -> bool:
        """Whether nothing runs, is about to, or waits to be recorded."""
        return not self._live and not self._queue and not self._journal.owes

    def known(self, key: Key) -> bytes:
        """The last line about a run; empty when there is none."""
        return self._latest.get(key) or self._queue.said(key)

    def limit(self, most: int | None) -> None:
        """Let at most so many runs go on at a time; None for any number. What goes on already does."""
        self._queue.most = most

    def launch(self, orders: list[dict[str, Any]], base_env: Mapping[str, str]) -> None:
        """Record the intent to start those that are not on record yet; `start_recorded` does it.

        Those for which there is no room are queued, and begun by `fill`.

        Raises OSError when that cannot be recorded: then none will start.
        """
        fresh = [order for order in orders if key_of(order) not in self._latest and key_of(order) not in self._queue]
        begun = [] if self._queue else fresh[: self._queue.room(len(self._live))]
        self._intend(begun, base_env)
        self._queue.add(fresh[len(begun) :], base_env)

    def fill(self) -> None:
        """Begin what is queued, as far as there is room."""
        now = time.monotonic()
        while self._queue and now >= self._retry_at:
            room = self._queue.room(len(self._live))
            if room == 0:
                return
            orders, env = self._queue.take(room)
            try:
                self._intend(orders, env)
            except OSError as error:
                self._queue.put_back(orders, env)
                self._retry_at = now + RETRY_AFTER
                for order in orders:
                    said = f"it cannot be recorded just now that it starts: {error.strerror}"
                    self._tell(pack({"run": key_of(order), "is": "queued", "message": said}), urgent=True)

    def empty_queue(self) -> None:
        """Begin nothing that is queued."""
        for key in self._queue.clear():
            self._tell(pack({"run": key, "is": "withdrawn"}), urgent=True)

    def _intend(self, orders: list[dict[str, Any]], base_env: Mapping[str, str]) -> None:
        fresh = {key_of(order): order for order in orders}
        if not fresh:
            return
        now = time.time()
        intents = {}
        logs: dict[Key, int] = {}
        try:
            for key, order in fresh.items():
                logs[key] = self._open_log(key)
                intents[key] = {
                    "run": key,
                    "is": "intended",
                    "at": now,
                    "grace": order["grace"],
                    "deadline": order["deadline"],
                }
            lines = {key: pack(intent) for key, intent in intents.items()}
            self._journal.write(b"".join(lines.values()))
            self._latest.update(lines)
        except OSError:
            for log in logs.values():
                os.close(log)
            raise
        for key, order in fresh.items():
            self._live[key] = Run(key, intents[key])
            self._recorded.append((order, {**base_env, **order["env"]}, logs[key]))

    def start_recorded(self) -> None:
        """Start what was launched. Apart from `launch`: all are on record before the first starts."""
        recorded, self._recorded = self._recorded, []
        for order, env, log in recorded:
            try:
                self._start(order, env, log)
            finally:
                os.close(log)

    def stop(self, key: Key, grace: float | None) -> None:
        """Tell a run to end. Again: sooner, if the new grace ends sooner."""
        if self._queue.drop(key):
            self._tell(pack({"run": key, "is": "withdrawn"}), urgent=True)
            return
        self.start_recorded()
        # What has ended already was not stopped.
        self.reap()
        run = self._live.get(key)
        if run is not None:
            self._stop(run, "stopped", run.grace if grace is None else grace)

    def kill(self) -> None:
        """End everything at once."""
        self.empty_queue()
        self.start_recorded()
        for run in list(self._live.values()):
            self._stop(run, "stopped", 0.0)
        self.tick()

    def reap(self) -> None:
        """Take note of children that ended, and end what they left behind."""
        changed = False
        while (child := _ended_child()) is not None:
            changed = True
            run = self._children.pop(child.si_pid, None)
            if run is not None:
                # Before the pid is freed by reaping, so that it cannot be anybody else's group.
                processes.signal_group(run.pid, signal.SIGKILL)
            os.waitpid(child.si_pid, 0)
            if run is not None:
                exited = child.si_code == os.CLD_EXITED
                self._over(run, code=child.si_status if exited else None, number=None if exited else child.si_status)
        if changed:
            self._strays_until = time.monotonic() + STRAYS_FOR
            self._end_strays()

    def tick(self) -> None:
        """Do what is due: deadlines, last warnings, looks at adopted processes, second tries."""
        now = time.monotonic()
        for run in list(self._live.values()):
            if run.deadline_at is not None and now >= run.deadline_at:
                run.deadline_at = None
                self._stop(run, "deadline", run.grace)
            if run.kill_at is not None and now >= run.kill_at:
                run.kill_at = None
                run.signal(signal.SIGKILL)
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look_at_adopted()
            if now < self._strays_until:
                self._end_strays()
        if now >= self._retry_at and (self._postponed or self._journal.owes):
            self._retry_at = now + RETRY_AFTER
            self._start_postponed()
            self._journal.settle()

    def due_in(self) -> float | None:
        """Seconds until the next tick has something to do; None when only an event can bring something."""
        due = [self._retry_at] if self._postponed or self._journal.owes else []
        if self._queue and self._queue.room(len(self._live)) != 0:
            due.append(self._retry_at)
        if time.monotonic() < self._strays_until:
            due.append(self._look_at)
        for run in self._live.values():
            due += [moment for moment in (run.deadline_at, run.kill_at) if moment is not None]
            if run.pid and not run.child:
                due.append(self._look_at)
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _open_log(self, key: Key) -> int:
        path = str(layout.log(self._dir, *key))
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path))  # noqa: PTH102, PTH120 -- on the path of every launch
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _start(self, order: dict[str, Any], env: Mapping[str, str], log: int) -> None:
        key = key_of(order)
        run = self._live[key]
        try:
            run.pid = processes.start(order["argv"], env=env, cwd=order["cwd"], output=log, nothing=self._nothing)
        except processes.CannotStart as error:
            del self._live[key]
            self._record(key, "refused", message=str(error))
            return
        except OSError as error:
            self._postponed[key] = (order, env)
            self._retry_at = time.monotonic() + RETRY_AFTER
            self._say(key, "waiting", message=f"this machine cannot start a process just now: {error.strerror}")
            return
        run.child = True
        run.identity = processes.identity(run.pid)
        run.started = time.time()
        if order["deadline"] is not None:
            run.deadline_at = time.monotonic() + order["deadline"]
        self._children[run.pid] = run
        self._record(key, "started", at=run.started, pid=run.pid, identity=run.identity)

    def _start_postponed(self) -> None:
        postponed, self._postponed = self._postponed, {}
        for key, (order, env) in postponed.items():
            try:
                log = self._open_log(key)
            except OSError:
                self._postponed[key] = (order, env)
                continue
            try:
                self._start(order, env, log)
            finally:
                os.close(log)

    def _stop(self, run: Run, cause: str, grace: float) -> None:
        kill_at = time.monotonic() + grace
        if not run.cause:
            run.cause = cause
            if self._postponed.pop(run.key, None) is not None:
                self._over(run, code=None, number=None)
                return
            self._record(run.key, "stopping", started=run.started, cause=cause, kill_at=time.time() + grace)
            run.kill_at = kill_at
            run.signal(signal.SIGTERM)
        elif run.kill_at is not None:
            run.kill_at = min(run.kill_at, kill_at)

    def _over(self, run: Run, *, code: int | None, number: int | None) -> None:
        del self._live[run.key]
        self._record(run.key, "ended", started=run.started, code=code, signal=number, cause=run.cause or None)

    def _look_at_adopted(self) -> None:
        for run in list(self._live.values()):
            if run.pid and not run.child and not processes.alive(run.pid, run.identity):
                self._vanished(run)

    def _vanished(self, run: Run) -> None:
        """An adopted process is gone. If we did not end it ourselves, nobody knows how it ended."""
        for key, pid in processes.all_marked(self._marker):
            if key == run.key:
                processes.kill(pid)
        if run.cause:
            self._over(run, code=None, number=None)
            return
        del self._live[run.key]
        said = f"its process {run.pid} ended after the supervisor that started it was killed, so nobody saw how"
        self._record(run.key, "lost", started=run.started, message=said)

    def _end_strays(self) -> None:
        """Of the descendants that we inherited, end those whose run is over. Each end may bring more: see `reap`."""
        for pid in processes.children():
            if pid in self._children:
                continue
            key = processes.belongs_to(pid, self._marker)
            if key is not None and key not in self._live:
                processes.kill(pid)

    def _record(self, key: Key, state: str, **more: Any) -> None:
        line = pack({"run": key, "is": state, "at": time.time(), **more})
        self._journal.note(line)
        self._latest[key] = line
        # That it has started can wait a moment, and often its end comes first. That can wait, too, while its place is
        # taken by another at once.
        self._tell(line, urgent=state != "started" and not self._queue)

    def _say(self, key: Key, state: str, **more: Any) -> None:
        """Tell without recording: it will have changed by the next start."""
        line = pack({"run": key, "is": state, "at": time.time(), **more})
        self._latest[key] = line
        self._tell(line, urgent=True)

    def _recover(self) -> None:
        """Read the journal; adopt what still runs; what does not has ended unseen."""
        for line, text in self._journal.replay():
            key = key_of(line)
            self._latest[key] = text
            self._recall(key, line)
        if not self._latest:
            return
        found: dict[Key, list[int]] = {}
        for key, pid in processes.all_marked(self._marker):
            found.setdefault(key, []).append(pid)
        for key, pids in found.items():
            run = self._live.get(key)
            if run is None:
                # Left behind by a run that is over.
                for pid in pids:
                    processes.kill(pid)
            elif not run.pid:
                # Started, but the supervisor died before it could record as what.
                run.pid, run.identity = pids[0], processes.identity(pids[0])
                self._record(key, "started", at=run.started, pid=run.pid, identity=run.identity)
        for run in list(self._live.values()):
            if not run.pid:
                del self._live[run.key]
                self._record(run.key, "lost", started=None, message="the supervisor was killed while starting it")
        self.tick()

    def _recall(self, key: Key, line: Mapping[str, Any]) -> None:
        """Take one line of the journal into account."""
        state, run = line["is"], self._live.get(key)
        if state in OVER:
            self._live.pop(key, None)
        elif state == "intended":
            run = self._live[key] = Run(key, line)
            if line["deadline"] is not None:
                run.deadline_at = _monotonic(run.started + line["deadline"])
        elif run is not None and state == "started":
            run.pid, run.identity, run.started = line["pid"], line["identity"], line["at"]
        elif run is not None and state == "stopping":
            run.cause, run.kill_at = line["cause"], _monotonic(line["kill_at"])


def _monotonic(moment: float) -> float:
    """A time of day on the scale of `time.monotonic`, which no clock change moves."""
    return moment - time.time() + time.monotonic()


def _ended_child() -> "os.waitid_result | None":
    """A child that has ended and is not reaped yet."""
    try:
        child = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return child if child is not None and child.si_pid else None
