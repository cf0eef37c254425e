"""katib's own Python client at a server that comes and goes."""

from typing import Any

import httpx
import pytest

from katib.client import Client, ServerUnavailable
from katib.client.calls import Call
from katib.client.outbox import Outbox
from katib.client.remote import RemoteDesk
from katib.embedded.desk import EmbeddedDesk
from katib.testing.clients import Shaky, study_of


def away(address: str, network: Shaky, clock: "Clock") -> Client:
    """A client over that network, which waits without waiting."""
    client = Client(desk=RemoteDesk(address, transport=network))
    client._outbox = Outbox(client._outbox._desk, wait=clock.wait, clock=clock)
    client._outbox._met = True
    return client


class Clock:
    """Time that passes where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_or_doubled_on_a_shaky_network(address: str, shared: EmbeddedDesk, seed: int) -> None:
    clock, network = Clock(), Shaky(seed)
    client = away(address, network, clock)
    study = study_of(client, f"shaky-{seed}", parameters={"x": "int:1:1000"})
    expected = {}
    for trial in study.suggest(3):
        for number in range(8):
            # The network is cut in the middle, for longer than one try.
            network.cut = 2 <= number < 6
            trial.report(loss=number, step=number if number % 2 else None)
            clock.now += 0.01
        trial.complete(loss=trial.number)
        expected[trial.number] = [float(number) for number in range(8)]
    study.add_trial({"x": 1}, {"loss": 9})
    client.close()
    found = shared.desk.study(f"shaky-{seed}")
    assert [trial.ordinal for trial in shared.desk.store.trials(found.uid)] == [1, 2, 3, 4]
    for ordinal, values in expected.items():
        told = shared.desk.store.observations(found.uid, ordinal=ordinal)
        assert [each.point.value for each in told] == [*values, float(ordinal)]
    assert "LateReport" not in [event.reason for event in shared.desk.store.events(found.uid)]
    shared.desk.delete(found.name)


def test_a_server_that_never_answered_is_not_waited_for_long() -> None:
    clock = Clock()

    class Nobody:
        def call(self, call: Call) -> Any:
            raise ServerUnavailable("no answer")

        def close(self) -> None:
            pass

    outbox = Outbox(Nobody(), patience=600, wait=clock.wait, clock=clock)
    with pytest.raises(ServerUnavailable):
        outbox.call(Call(operation="list_studies"))
    assert 2.9 <= clock.now <= 3.1
    outbox._met = True
    with pytest.raises(ServerUnavailable):
        outbox.call(Call(operation="list_studies"))
    assert 600 <= clock.now - 3 <= 601


def test_while_the_server_is_away_a_trial_goes_on(address: str) -> None:
    network = Shaky(0)
    network._chance.random = lambda: 1.0  # type: ignore[method-assign]
    client = away(address, network, Clock())
    study = study_of(client, "away")
    (trial,) = study.suggest()
    network.cut = True
    for step in range(3):
        trial.report(loss=step, step=step)
        assert not trial.should_stop()
    network.cut = False
    trial.complete(loss=1)
    assert [each.step for each in trial.measurements()] == [0, 1, 2, None]
    study.delete()
    client.close()


class Busy(httpx.BaseTransport):
    """A server that was started again, and takes the first requests for those that the one before works on."""

    def __init__(self, requests: int) -> None:
        self._http = httpx.HTTPTransport()
        self._left = requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._left:
            return self._http.handle_request(request)
        self._left -= 1
        told = {"error": {"code": "conflict", "message": "it is being answered"}}
        return httpx.Response(409, json=told, headers={"Retry-After": "1"}, request=request)

    def close(self) -> None:
        self._http.close()


def test_a_request_that_may_be_sent_later_is(address: str) -> None:
    clock = Clock()
    client = Client(desk=RemoteDesk(address, transport=Busy(3)))
    client._outbox = Outbox(client._outbox._desk, wait=clock.wait, clock=clock)
    study = study_of(client, "busy")
    assert clock.now > 0
    study.delete()
    client.close()
