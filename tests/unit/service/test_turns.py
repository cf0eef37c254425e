"""The lock that goes round among the clients of a study."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from katib.service.turns import Turn


def until(holds: Callable[[], bool]) -> None:
    """Wait for others, without an end: the test's own limit is one."""
    pause = threading.Event()
    while not holds():
        pause.wait(0.001)


def test_it_goes_to_who_asked_first() -> None:
    turn, order = Turn(), list[int]()

    def take(number: int) -> None:
        with turn:
            order.append(number)

    with ThreadPoolExecutor(5) as threads, turn:
        for number in range(5):
            threads.submit(take, number)
            until(lambda number=number: turn.waiting == number + 1)
    assert order == [0, 1, 2, 3, 4]


def test_who_asks_again_comes_after_those_that_wait() -> None:
    turn, order = Turn(), list[str]()

    def take() -> None:
        with turn:
            order.append("other")

    with ThreadPoolExecutor(1) as threads:
        with turn:
            threads.submit(take)
            until(lambda: turn.waiting == 1)
        with turn:
            order.append("again")
    assert order == ["other", "again"]


def test_its_holder_may_take_it_again_and_keeps_it_until_it_let_go_as_often() -> None:
    turn, order = Turn(), list[str]()

    def take() -> None:
        with turn:
            order.append("other")

    with ThreadPoolExecutor(1) as threads, turn:
        with turn:
            threads.submit(take)
            until(lambda: turn.waiting == 1)
        order.append("first")
    assert order == ["first", "other"]


def test_never_two_hold_it() -> None:
    turn, seen = Turn(), list[int]()
    inside = 0

    def take(_number: int) -> None:
        nonlocal inside
        for _ in range(50):
            with turn, turn:
                inside += 1
                seen.append(inside)
                inside -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, range(8)))
    assert seen == [1] * 400


def test_who_is_interrupted_while_it_waits_holds_up_nobody() -> None:
    turn, held, go = Turn(), threading.Event(), threading.Event()

    def hold() -> None:
        with turn:
            held.set()
            go.wait()

    def interrupt() -> None:
        until(lambda: turn.waiting == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def raise_it(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, raise_it)
    try:
        with ThreadPoolExecutor(2) as threads:
            threads.submit(hold)
            held.wait()
            threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt), turn:
                pass
            go.set()
        assert turn.waiting == 0
        with turn:
            pass
    finally:
        signal.signal(signal.SIGUSR1, before)
