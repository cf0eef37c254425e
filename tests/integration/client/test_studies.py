"""katib's own Python client: studies and their trials, without a server and with one."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from katib.client import AsyncClient, Client, Trial
from katib.client.calls import ROUTES
from katib.embedded.calls import Calls
from katib.embedded.desk import EmbeddedDesk
from katib.errors import AlreadyExists, InvalidInput, NotFound, StudyClosed
from katib.server.http.app import create_app
from katib.testing.clients import study_of


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


def test_every_route_of_the_client_is_one_of_the_server(shared: EmbeddedDesk) -> None:
    document = create_app(shared.desk).openapi()["paths"]
    known = {(method.upper(), path) for path, methods in document.items() for method in methods}
    assert {(method, f"/api/v1{path}") for method, path in ROUTES.values()} <= known
    assert {f"_{operation}" for operation in ROUTES} <= set(dir(Calls))
