"""katib's own Python client: without a server, with one, and with one that comes and goes."""

import asyncio
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from katib.cli.main import app
from katib.client import AsyncClient, Client, ServerUnavailable, Study, Trial, current_trial
from katib.client.calls import ROUTES, Call
from katib.client.outbox import Outbox
from katib.client.remote import RemoteDesk
from katib.core.trial import Loan
from katib.embedded.calls import Calls
from katib.embedded.desk import EmbeddedDesk
from katib.errors import AlgorithmUnknown, AlreadyExists, InvalidInput, KatibError, NotFound, StudyClosed
from katib.server.http.app import create_app
from katib.testing.http import serving

PARAMETERS: dict[str, Any] = {
    "lr": "log:1e-5:1e-1",
    "layers": "int:1:8",
    "batch": [16, 32, 64.5],
    "optimizer": ["sgd", "adam"],
    "momentum": "float:0:1@optimizer=sgd",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDesk]:
    with EmbeddedDesk(str(tmp_path_factory.mktemp("client") / "katib.db")) as desk:
        yield desk


@pytest.fixture(scope="module")
def address(shared: EmbeddedDesk) -> Iterator[str]:
    with serving(create_app(shared.desk)) as address:
        yield address


class Open(Calls):
    """The shared desk, which a client does not close."""

    def close(self) -> None:
        pass


@pytest.fixture(params=["embedded", "server"])
def client(request: pytest.FixtureRequest, shared: EmbeddedDesk, address: str) -> Iterator[Client]:
    desk = Open(shared) if request.param == "embedded" else RemoteDesk(address)
    with Client(desk=desk) as client:
        yield client
        for study in client.list_studies():
            study.delete()


def study_of(client: Client, name: str = "digits", **more: Any) -> Study:
    given = {"parameters": PARAMETERS, "minimize": "loss", "algorithm": "random", **more}
    return client.create_study(name, **given)


def test_a_study_is_run_to_its_end(client: Client) -> None:
    study = study_of(client, max_trials=5)
    assert (study.name, study.status, study.max_trials) == ("digits", "Created", 5)
    for trial in study.trials("worker-1"):
        for epoch in range(1, 4):
            trial.report(loss=trial.number / epoch, step=epoch)
            assert not trial.should_stop()
        trial.complete(loss=float(trial.number))
        assert trial.finished
    study.refresh()
    assert (study.status, study.ended, study.counts["succeeded"]) == ("Succeeded", True, 5)
    best = study.best()
    assert best is not None
    assert (best.number, best.value, best.values) == (1, 1.0, {"loss": 1.0})
    assert [trial.number for trial in study.list_trials()] == [1, 2, 3, 4, 5]
    assert study.list_trials(status="Running") == []
    with pytest.raises(StudyClosed):
        study.suggest()


def test_parameters_are_typed(client: Client) -> None:
    seen = set()
    for trial in study_of(client).suggest(20):
        values = trial.parameters
        kinds = {name: type(value) for name, value in values.items()}
        assert kinds.pop("momentum", float) is float
        assert kinds.pop("batch") is (float if values["batch"] == 64.5 else int)
        assert kinds == {"lr": float, "layers": int, "optimizer": str}
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert values["batch"] in (16, 32, 64.5)
        seen.add(values["optimizer"])
    assert seen == {"sgd", "adam"}


def test_creating_twice_is_creating_once(client: Client) -> None:
    assert study_of(client).name == study_of(client).name == client.get_study("digits").name
    with pytest.raises(AlreadyExists, match="another specification"):
        study_of(client, max_trials=7)
    assert [study.name for study in client.list_studies()] == ["digits"]
    client.get_study("digits").delete()
    with pytest.raises(NotFound):
        client.get_study("digits")


def test_a_worker_that_comes_back_gets_its_trial_back(client: Client) -> None:
    study = study_of(client)
    (first,) = study.suggest(client="worker-1")
    (again,) = study.suggest(client="worker-1")
    (other,) = study.suggest(client="worker-2")
    assert (again.number, other.number) == (first.number, 2)
    assert [trial.number for trial in study.suggest(2)] == [3, 4], "nobody in particular gets new ones"
    first.heartbeat(60)


def test_every_end_has_its_type(client: Client) -> None:
    study = study_of(client)
    a, b, c, d, e, f = study.suggest(6)
    assert a.infeasible("too wide").reason == "Infeasible"
    assert (b.fail("no disk").reason, b.message) == ("ReportedFailed", "no disk")
    assert (c.complete(loss=math.nan).reason, c.value) == ("Diverged", None)
    with pytest.raises(ZeroDivisionError), d:
        _ = 1 / 0
    assert (d.reason, d.message) == ("ReportedFailed", "ZeroDivisionError: division by zero")
    e.report({"loss": 2, "val/accuracy": 0.5})
    e.report(loss=1)
    assert e.complete().value == 1.0
    with pytest.raises(InvalidInput, match=r"metrics\.loss"):
        f.complete(accuracy=1.0)
    assert a.complete(loss=0.0).reason == "Infeasible", "a finished trial stays as it was, and nobody's code fails"


def test_what_was_reported_is_kept_in_order(client: Client) -> None:
    (trial,) = study_of(client).suggest()
    trial.report(loss=3, step=1)
    trial.report(loss=9, step=1)
    trial.report(loss=math.inf, step=2)
    trial.report(loss=2)
    trial.report(loss=2)
    told = [(each.step, each.value) for each in trial.measurements()]
    assert told == [(1, 3.0), (2, math.inf), (None, 2.0), (None, 2.0)]
    assert trial.refresh().metrics == {"loss": 2.0}


def test_a_person_stops_a_trial(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest()
    assert not trial.should_stop()
    study.get_trial(1).stop()
    assert trial.stop_reason() == "stopped by a user"
    assert trial.should_stop()
    assert trial.complete(loss=1.0).status == "EarlyStopped"


def test_early_stopping_stops_a_hopeless_trial(client: Client) -> None:
    study = study_of(client, early_stopping="medianstop:min_trials_required=2,start_step=2")
    for trial in study.suggest(2):
        for step in (1, 2, 3):
            trial.report(loss=1, step=step)
            assert not trial.should_stop()
        trial.complete(loss=1)
    (hopeless,) = study.suggest()
    for step in (1, 2, 3):
        hopeless.report(loss=9, step=step)
    assert hopeless.should_stop()
    assert "medianstop" in (hopeless.stop_reason() or "")
    assert hopeless.complete(loss=9).status == "EarlyStopped"


def test_early_stopping_stops_a_trial_that_others_dominate(client: Client) -> None:
    study = client.create_study(
        "two",
        parameters={"x": "float:0:1"},
        objectives={"error": "minimize", "gain": "maximize"},
        algorithm="random",
        early_stopping="dominated:dominating=2,start_step=2",
    )
    for trial in study.suggest(2):
        for step in (1, 2):
            trial.report(error=0.3, gain=5, step=step)
        trial.complete()
    dominated, leading = study.suggest(2)
    for step in (1, 2):
        dominated.report(error=0.4, gain=4, step=step)
        leading.report(error=0.9, gain=6, step=step)
    assert dominated.should_stop() and not leading.should_stop()
    assert "error 0.4, gain 4 is dominated by 2 of the 3 others" in (dominated.stop_reason() or "")
    assert dominated.complete().values == {"error": 0.4, "gain": 4}
    assert dominated.status == "EarlyStopped"


def test_a_study_pauses_goes_on_and_grows(client: Client) -> None:
    study = study_of(client, max_trials=1)
    (trial,) = study.suggest()
    study.pause()
    with pytest.raises(StudyClosed, match="resume it"):
        study.suggest()
    study.resume()
    trial.complete(loss=1.0)
    assert study.refresh().ended
    assert study.change_budget(max_trials=2).max_trials == 2
    assert len(study.suggest(5)) == 1
    assert list(study.stop().trials("w")) == []


def test_known_results_and_trials_by_hand(client: Client) -> None:
    study = study_of(client)
    point = {"lr": 0.01, "layers": 2, "batch": 16, "optimizer": "adam"}
    assert study.add_trial(point, {"loss": 0.5}).value == 0.5
    waiting = study.add_trial({**point, "layers": 3})
    assert [trial.number for trial in study.suggest()] == [waiting.number]
    with pytest.raises(InvalidInput) as caught:
        study.add_trial({"lr": 1})
    assert "parameters.lr" in {fault.path for fault in caught.value.faults}


def test_a_clone_begins_with_what_the_first_one_found(client: Client) -> None:
    study = study_of(client, max_trials=4)
    for trial in study.suggest(2):
        trial.complete(loss=trial.number)
    clone = study.clone("further", max_trials=1)
    assert ([trial.value for trial in clone.list_trials()], clone.max_trials) == ([1.0, 2.0], 3)
    assert study.clone("further", max_trials=1).counts["created"] == 2
    assert study.clone("empty", trials=False).counts["created"] == 0
    assert client.get_trial("further", 2).value == 2.0


def test_several_objectives_have_a_front(client: Client) -> None:
    study = study_of(client, minimize=None, objectives={"loss": "minimize", "accuracy": "maximize"})
    for trial, (loss, accuracy) in zip(study.suggest(3), [(1, 0.5), (2, 0.9), (3, 0.8)], strict=True):
        trial.complete(loss=loss, accuracy=accuracy)
    assert [trial.values for trial in study.front()] == [
        {"loss": 1.0, "accuracy": 0.5},
        {"loss": 2.0, "accuracy": 0.9},
    ]
    assert study.best() is None
    grown = study.hypervolume()
    assert grown.reference == pytest.approx({"loss": 3.2, "accuracy": 0.46})
    assert [(each.number, each.trials) for each in grown.history] == [(1, 1), (2, 2)]
    assert grown.value == grown.history[-1].hypervolume == pytest.approx(2.2 * 0.04 + 1.2 * 0.4)
    assert study.hypervolume({"loss": 3, "accuracy": 0.0}).value == pytest.approx(2 * 0.5 + 1 * 0.4)
    with pytest.raises(InvalidInput, match="one of the objectives: loss, accuracy"):
        study.hypervolume({"seconds": 1})


def test_a_study_of_several_objectives_ends_when_one_trial_reaches_all_goals(client: Client) -> None:
    objectives = {"loss": "minimize", "accuracy": "maximize", "seconds": "minimize"}
    goal = {"loss": 0.5, "accuracy": 0.9}
    study = study_of(client, minimize=None, objectives=objectives, goal=goal)
    first, second, third = study.suggest(3)
    first.complete(loss=0.4, accuracy=0.1, seconds=1)
    second.complete(loss=0.9, accuracy=0.95, seconds=1)
    assert not study.refresh().ended, "each goal is reached, by different trials"
    assert study.goals_reached == {"loss": True, "accuracy": True}
    third.complete(loss=0.5, accuracy=0.9, seconds=99)
    assert study.refresh().status == "Succeeded"
    with pytest.raises(InvalidInput, match="an objective: loss, accuracy, seconds, got size"):
        study_of(client, minimize=None, objectives=objectives, goal={"size": 1})
    with pytest.raises(InvalidInput, match="a value for each that has one"):
        study_of(client, minimize=None, objectives=objectives, goal=0.5)


def test_a_study_has_limits_of_time_and_of_patience(client: Client) -> None:
    study = study_of(client, max_seconds=3600, max_stale=2)
    for trial, loss in zip(study.suggest(3), (1.0, 2.0, 3.0), strict=True):
        trial.complete(loss=loss)
    assert "2 trials after the best one were no better" in study.refresh().message
    assert not study.change_budget(max_stale=None, max_seconds=7200).ended
    with pytest.raises(TypeError, match="max_trial"):
        study_of(client, max_trial=3)


def test_faults_come_back_as_they_were_found(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        study_of(client, parameters={"lr": "log:1", "n": "integer:1:8", "c": []}, early_stopping=":")
    paths = {fault.path for fault in caught.value.faults}
    assert paths == {"spec.parameters.lr", "spec.parameters.n", "spec.parameters.c", "spec.earlyStopping"}
    with pytest.raises(InvalidInput) as caught:
        study_of(client, parameters={"lr": "log:1"}, max_trials=0, algorithm="magic")
    paths = {fault.path for fault in caught.value.faults}
    assert paths == {"spec.parameters.lr", "spec.maxTrialCount", "spec.algorithm.algorithmName"}
    with pytest.raises((AlgorithmUnknown, InvalidInput), match="magic"):
        study_of(client, algorithm="magic")
    with pytest.raises(InvalidInput, match="minimize="):
        study_of(client, minimize=None)
    (trial,) = study_of(client).suggest()
    with pytest.raises(InvalidInput, match="at least one metric"):
        trial.report()
    with pytest.raises(InvalidInput, match="loss: a number"):
        trial.report(loss="high")  # type: ignore[arg-type]


def test_asyncio(address: str, shared: EmbeddedDesk) -> None:
    async def worker(client: AsyncClient, name: str) -> int:
        study = await client.create_study("aio", parameters={"x": "float:0:1"}, minimize="loss", max_trials=6)
        done = 0
        async for trial in study.trials(name):
            async with trial:
                await trial.report(loss=1.0, step=1)
                assert not await trial.should_stop()
                await trial.complete(loss=float(trial.parameters["x"]))
                done += 1
        return done

    async def main() -> None:
        async with AsyncClient(address) as client:
            assert sum(await asyncio.gather(*(worker(client, f"w{number}") for number in range(2)))) == 6
            study = await client.get_study("aio")
            best = await study.best()
            assert best is not None
            assert best.value == min(trial.value or 0 for trial in await study.list_trials())
            await study.delete()

    asyncio.run(main())


WORKER = """
import sys
from katib.client import Client
with Client() as client:
    study = client.create_study("both", parameters={"x": "int:1:1000"}, minimize="loss", algorithm="random", max_trials=12)
    for trial in study.trials(sys.argv[1]):
        trial.report(loss=1, step=1)
        trial.complete(loss=trial.parameters["x"])
"""


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    environ = {**os.environ, "KATIB_DB": str(tmp_path / "katib.db")}
    environ.pop("KATIB_ENDPOINT", None)
    words = [sys.executable, "-c", WORKER]
    workers = [
        subprocess.Popen([*words, name], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    assert [(worker.communicate()[1], worker.returncode) for worker in workers] == [("", 0)] * 2
    with Client(store=str(tmp_path / "katib.db")) as client:
        trials = client.get_study("both").list_trials()
    assert [trial.status for trial in trials] == ["Succeeded"] * 12
    assert len({trial.parameters["x"] for trial in trials}) == 12


@pytest.mark.parametrize("name", ["digits", "me/digits"])
def test_the_command_line_shows_a_study_whatever_its_name(tmp_path: Path, name: str) -> None:
    with Client(store=str(tmp_path / "katib.db")) as client:
        study_of(client, name).suggest()[0].complete(loss=0.5)

    def shown(what: str) -> str:
        return str(CliRunner().invoke(app, ["show", what, "--db", str(tmp_path / "katib.db")]).stdout)

    assert shown(name).startswith(f"{name}: Running")
    assert shown(f"{name}/1").startswith(f"{name}/1 (")


def test_resume_leaves_a_study_to_the_clients_that_run_it(tmp_path: Path) -> None:
    store = str(tmp_path / "katib.db")

    def said(command: str, *words: str) -> str:
        result = CliRunner().invoke(app, [command, "digits", *words, "--db", store])
        assert result.exit_code == 0, result.output
        return str(result.output)

    with Client(store=store) as client:
        study = study_of(client, "digits")
        study.suggest()
        assert "is run by its clients" in said("resume", "--max-trials", "30")
        assert "nobody" not in said("show")
        assert "run by its clients: 1 trial of" in said("explain")
        assert '"max_trials": 30' in said("show", "--output", "json")
        study.suggest()[0].complete(loss=0.5)


# --- Signs of life


def eventually(ask: Callable[[], Any]) -> Any:
    """What is asked for, once there is something."""
    deadline = time.monotonic() + 20
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.002)
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    eventually(condition)


def hearts() -> int:
    return sum(thread.name == "katib-heartbeat" for thread in threading.enumerate())


def test_a_trial_that_takes_long_stays_with_its_client(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest(client="a", lease_seconds=0.9)
    for _ in range(2):
        before = study.get_trial(1)._shown["leased_until"]
        until(lambda before=before: study.get_trial(1)._shown["leased_until"] > before)  # type: ignore[misc]
    assert [other.number for other in study.suggest(client="b")] == [2]
    assert trial.complete(loss=1.0).attempt == 1


def test_signs_of_life_end_with_the_trial(client: Client) -> None:
    until(lambda: hearts() == 0)
    study = study_of(client, max_trials=3)
    completed, dropped, failed = study.suggest(3, client="a", lease_seconds=0.2)
    assert hearts() == 1
    completed.complete(loss=1.0)
    assert hearts() == 1
    del dropped
    # Nobody here has it any more, so it goes out again.
    asked = eventually(lambda: study.suggest(3, client="b", lease_seconds=600))
    assert 2 in [again.number for again in asked]
    del asked
    failed.fail()
    until(lambda: hearts() == 0)


def test_signs_of_life_ride_out_an_outage(address: str, shared: EmbeddedDesk) -> None:
    network = Shaky(0)
    with Client(desk=RemoteDesk(address, transport=network)) as client:
        study = study_of(client, "outage")
        (trial,) = study.suggest(client="a", lease_seconds=0.15)
        network.cut = True
        uid = shared.desk.study("outage").uid

        def loan() -> Loan:
            (found,) = shared.desk.store.trials(uid)
            assert found.loan is not None
            return found.loan

        until(lambda: loan().until < time.time())
        network.cut = False
        until(lambda: loan().until > time.time())
        assert loan().client == "a"
        assert trial.complete(loss=1.0).attempt == 1
    shared.desk.delete("outage")


def test_without_heartbeat_a_trial_that_hangs_goes_out_again(shared: EmbeddedDesk) -> None:
    with Client(desk=Open(shared), heartbeat=False) as client:
        study = study_of(client, "hangs", max_trials=1)
        (hanging,) = study.suggest(client="a", lease_seconds=0.01)
        (again,) = eventually(lambda: study.suggest(client="b"))
        assert (again.number, hanging.refresh().attempt) == (1, 2)
        study.delete()


# --- A server that comes and goes


class Shaky(httpx.BaseTransport):
    """A network that loses requests, answers, or nothing; and that can be cut."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._http = httpx.HTTPTransport()
        self.cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fate = self._chance.random()
        if self.cut or fate < 0.25:
            raise httpx.ConnectError("cut")
        response = self._http.handle_request(request)
        if fate < 0.5:
            response.read()
            raise httpx.ReadError("cut")
        return response

    def close(self) -> None:
        self._http.close()


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


def test_a_report_that_is_refused_is_not_sent_for_ever(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest()
    study.delete()
    with pytest.raises(NotFound):
        trial.report(loss=1)
    assert not client._outbox._kept
    assert study_of(client).name == "digits"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx.Response(502, text="<html>bad gateway"), ServerUnavailable, "HTTP 502: <html>bad gateway"),
        (httpx.Response(503, json={"error": {"code": "try_again", "message": "busy"}}), ServerUnavailable, "busy"),
        (httpx.Response(401, json={"error": {"code": "unauthorized", "message": "a token"}}), KatibError, "a token"),
        (httpx.Response(404, json={"detail": "Not Found"}), NotFound, "HTTP 404"),
        (httpx.Response(409, json={"error": {"code": "study_closed", "message": "over"}}), StudyClosed, "over"),
        (httpx.Response(500, text=""), KatibError, "HTTP 500: Internal Server Error"),
    ],
)
def test_answers_of_others_are_errors_of_katib(answer: httpx.Response, kind: type[KatibError], said: str) -> None:
    desk = RemoteDesk("http://somewhere", token="secret", transport=httpx.MockTransport(lambda request: answer))
    with pytest.raises(kind, match=said) as caught:
        desk.call(Call(operation="list_studies"))
    assert type(caught.value) is kind


def test_an_address_is_one() -> None:
    with pytest.raises(InvalidInput, match="http://host:port"):
        Client("localhost:8080")
    with pytest.raises(ServerUnavailable, match="is `katib server` running there"):
        RemoteDesk("http://127.0.0.1:9").call(Call(operation="list_studies"))


def test_every_route_of_the_client_is_one_of_the_server(shared: EmbeddedDesk) -> None:
    document = create_app(shared.desk).openapi()["paths"]
    known = {(method.upper(), path) for path, methods in document.items() for method in methods}
    assert {(method, f"/api/v1{path}") for method, path in ROUTES.values()} <= known
    assert {f"_{operation}" for operation in ROUTES} <= set(dir(Calls))


def test_many_workers_get_exactly_what_there_is(client: Client) -> None:
    study = study_of(client, max_trials=30)

    def work(name: int) -> list[int]:
        return [_completed(trial) for trial in client.get_study("digits").trials(f"worker-{name}")]

    with ThreadPoolExecutor(8) as threads:
        done = sorted(number for each in threads.map(work, range(8)) for number in each)
    assert done == list(range(1, 31))
    assert study.refresh().counts["succeeded"] == 30


def _completed(trial: Trial) -> int:
    trial.complete(loss=trial.number)
    return trial.number


def test_inside_a_trial_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_trial() is None
    monkeypatch.setenv("KATIB_TRIAL_NAME", "digits-abc")
    monkeypatch.setenv("KATIB_REPORT_TO", f"file:{tmp_path / 'reports'}")
    trial = current_trial()
    assert trial is not None
    trial.report(loss=1, step=1)
    assert not trial.should_stop()
    trial.complete(loss=0.5)
    assert (trial.name, (tmp_path / "reports").read_text().count("loss")) == ("digits-abc", 2)
