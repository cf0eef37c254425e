"""The same client for asyncio: each call waits in a thread, so the event loop goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, SupportsFloat, TypeVar, Unpack

from katib.client.calls import Desk
from katib.client.native import Client, Space
from katib.client.outbox import PATIENCE
from katib.client.study import RETRY_SECONDS, Hypervolume, Limits, Study, somebody
from katib.client.trial import Measurement, Trial, Value
from katib.errors import StudyClosed

T = TypeVar("T")

THREADS = 64
"""Calls at the same time; more wait."""


class _Loop:
    """Runs calls in threads of its own: an outage must not take those that the event loop has for other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="katib-client")

    async def run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def close(self) -> None:
        self._threads.shutdown(wait=False)


class AsyncTrial:
    """See `Trial`. An asynchronous context manager: leaving it by an exception fails the trial."""

    def __init__(self, loop: _Loop, trial: Trial) -> None:
        self._loop = loop
        self.known = trial
        """What was read of it: number, name, parameters, status, value and more, as of `Trial`."""

    def __repr__(self) -> str:
        return f"Async{self.known!r}"

    @property
    def number(self) -> int:
        """1, 2, 3 … in its study."""
        return self.known.number

    @property
    def parameters(self) -> dict[str, Value]:
        """A value for each parameter that is active."""
        return self.known.parameters

    @property
    def value(self) -> float | None:
        """Its result; None without one."""
        return self.known.value

    async def report(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> None:
        """Report values on the way."""
        await self._loop.run(lambda: self.known.report(metrics, step=step, **named))

    async def should_stop(self) -> bool:
        """Whether to end the trial now."""
        return await self._loop.run(self.known.should_stop)

    async def heartbeat(self, seconds: float | None = None) -> None:
        """Keep the trial for longer."""
        await self._loop.run(lambda: self.known.heartbeat(seconds))

    async def complete(
        self, metrics: Mapping[str, SupportsFloat] | None = None, /, *, step: int | None = None, **named: SupportsFloat
    ) -> "AsyncTrial":
        """End the trial with its result."""
        await self._loop.run(lambda: self.known.complete(metrics, step=step, **named))
        return self

    async def infeasible(self, reason: str = "") -> "AsyncTrial":
        """End the trial: its parameters are impossible."""
        await self._loop.run(lambda: self.known.infeasible(reason))
        return self

    async def fail(self, reason: str = "") -> "AsyncTrial":
        """End the trial: its run failed."""
        await self._loop.run(lambda: self.known.fail(reason))
        return self

    async def stop(self) -> "AsyncTrial":
        """Have the trial end early."""
        await self._loop.run(self.known.stop)
        return self

    async def measurements(self) -> list[Measurement]:
        """All that was reported."""
        return await self._loop.run(self.known.measurements)

    async def refresh(self) -> "AsyncTrial":
        """Read it again."""
        await self._loop.run(self.known.refresh)
        return self

    async def __aenter__(self) -> "AsyncTrial":
        self.known.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._loop.run(lambda: self.known.__exit__(kind, error, trace))


class AsyncStudy:
    """See `Study`."""

    def __init__(self, loop: _Loop, study: Study) -> None:
        self._loop = loop
        self.known = study
        """What was read of it: name, status, counts and more, as of `Study`."""

    def __repr__(self) -> str:
        return f"Async{self.known!r}"

    @property
    def name(self) -> str:
        """Its name."""
        return self.known.name

    async def suggest(
        self, count: int = 1, *, client: str | None = None, lease_seconds: float | None = None
    ) -> list[AsyncTrial]:
        """Trials to run."""
        found = await self._loop.run(lambda: self.known.suggest(count, client=client, lease_seconds=lease_seconds))
        return [self._trial(trial) for trial in found]

    async def trials(
        self, client: str | None = None, *, lease_seconds: float | None = None
    ) -> AsyncIterator[AsyncTrial]:
        """Trials to run, one after the other, until the study ends or is stopped."""
        who = client or somebody()
        while True:
            try:
                found = await self.suggest(1, client=who, lease_seconds=lease_seconds)
            except StudyClosed:
                return
            if found:
                yield found[0]
            elif (await self.refresh()).known.ended:
                return
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def add_trial(
        self, parameters: Mapping[str, Value], metrics: Mapping[str, SupportsFloat] | None = None
    ) -> AsyncTrial:
        """Add a trial of one's own."""
        return self._trial(await self._loop.run(lambda: self.known.add_trial(parameters, metrics)))

    async def list_trials(self, *, status: str | None = None) -> list[AsyncTrial]:
        """Its trials in their order."""
        return [self._trial(trial) for trial in await self._loop.run(lambda: self.known.list_trials(status=status))]

    async def get_trial(self, number: int) -> AsyncTrial:
        """Trial 1, 2, 3 …"""
        return self._trial(await self._loop.run(lambda: self.known.get_trial(number)))

    async def best(self) -> AsyncTrial | None:
        """The best trial; None while there is none, and of several objectives."""
        found = await self._loop.run(self.known.best)
        return None if found is None else self._trial(found)

    async def front(self) -> list[AsyncTrial]:
        """The best trials."""
        return [self._trial(trial) for trial in await self._loop.run(self.known.front)]

    async def hypervolume(self, reference: Mapping[str, float] | None = None) -> Hypervolume:
        """How much the best trials dominate, and how that grew."""
        return await self._loop.run(lambda: self.known.hypervolume(reference))

    async def change_budget(self, **limits: Unpack[Limits]) -> "AsyncStudy":
        """Change limits, or take them away."""
        return await self._same(lambda: self.known.change_budget(**limits))

    async def clone(self, name: str, *, trials: bool = True, **budget: Unpack[Limits]) -> "AsyncStudy":
        """Create a study like this one under another name, or find it."""
        return AsyncStudy(self._loop, await self._loop.run(lambda: self.known.clone(name, trials=trials, **budget)))

    async def pause(self) -> "AsyncStudy":
        """Give out no more trials; those that run go on."""
        return await self._same(self.known.pause)

    async def resume(self) -> "AsyncStudy":
        """Go on after `pause` or `stop`."""
        return await self._same(self.known.resume)

    async def stop(self) -> "AsyncStudy":
        """Give out no more trials, and have those that run stopped."""
        return await self._same(self.known.stop)

    async def delete(self) -> None:
        """Remove it with all that belongs to it."""
        await self._loop.run(self.known.delete)

    async def refresh(self) -> "AsyncStudy":
        """Read it again."""
        return await self._same(self.known.refresh)

    async def _same(self, call: Callable[[], Study]) -> "AsyncStudy":
        await self._loop.run(call)
        return self

    def _trial(self, trial: Trial) -> AsyncTrial:
        return AsyncTrial(self._loop, trial)


class AsyncClient:
    """See `Client`. An asynchronous context manager."""

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        store: str | None = None,
        patience: float = PATIENCE,
        heartbeat: bool = True,
        desk: Desk | None = None,
    ) -> None:
        self._loop = _Loop()
        self._client = Client(endpoint, token=token, store=store, patience=patience, heartbeat=heartbeat, desk=desk)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def create_study(
        self, name: str, *, parameters: Mapping[str, Space] | Sequence[Mapping[str, Any]], **more: Any
    ) -> AsyncStudy:
        """Create a study, or find the same one; `more` as of `Client.create_study`."""
        return self._study(await self._loop.run(lambda: self._client.create_study(name, parameters=parameters, **more)))

    async def get_study(self, name: str) -> AsyncStudy:
        """The study of that name."""
        return self._study(await self._loop.run(lambda: self._client.get_study(name)))

    async def get_trial(self, study: str, number: int) -> AsyncTrial:
        """Trial 1, 2, 3 … of a study by its name."""
        return AsyncTrial(self._loop, await self._loop.run(lambda: self._client.get_trial(study, number)))

    async def list_studies(self) -> list[AsyncStudy]:
        """All studies, oldest first."""
        return [self._study(study) for study in await self._loop.run(self._client.list_studies)]

    async def flush(self) -> None:
        """Send the reports that are kept while the server is away."""
        await self._loop.run(self._client.flush)

    async def close(self) -> None:
        """Send what is kept, and let go of the server or the store."""
        try:
            await self._loop.run(self._client.close)
        finally:
            self._loop.close()

    def _study(self, study: Study) -> AsyncStudy:
        return AsyncStudy(self._loop, study)
