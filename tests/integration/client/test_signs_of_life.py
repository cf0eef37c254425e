"""Trials that take long stay with the client that runs them."""

import threading
import time

from katib.client import Client
from katib.client.remote import RemoteDesk
from katib.core.trial import Loan
from katib.embedded.desk import EmbeddedDesk
from katib.testing.clients import Open, Shaky, eventually, study_of


def hearts() -> int:
    return sum(thread.name == "katib-heartbeat" for thread in threading.enumerate())


def test_a_trial_that_takes_long_stays_with_its_client(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest(client="a", lease_seconds=0.9)
    for _ in range(2):
        before = study.get_trial(1)._shown["leased_until"]
        eventually(lambda before=before: study.get_trial(1)._shown["leased_until"] > before)  # type: ignore[misc]
    assert [other.number for other in study.suggest(client="b")] == [2]
    assert trial.complete(loss=1.0).attempt == 1


def test_signs_of_life_end_with_the_trial(client: Client) -> None:
    eventually(lambda: hearts() == 0)
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
    eventually(lambda: hearts() == 0)


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

        eventually(lambda: loan().until < time.time())
        network.cut = False
        eventually(lambda: loan().until > time.time())
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
