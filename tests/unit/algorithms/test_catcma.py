"""CatCMA: what of a long record is replayed, and that a cache changes nothing."""

import pytest

from algorithms.evolution import generations
from algorithms.evolution.generations import Generations
from katib.core.draw import uniforms
from katib.core.encode import Cube
from katib.testing.algorithms import categorical, double, integer, space

CUBE = Cube(space(double("x", 0, 1), integer("n", 1, 9), categorical("c", "a", "b", "c")))


@pytest.fixture(autouse=True)
def short_windows(monkeypatch):
    """Of 20 outcomes and more only the last 10 to 19 are replayed."""
    monkeypatch.setattr(generations, "WINDOW", 10)


def outcomes(count):
    points = [CUBE.decode([0.3 + 0.4 * u for u in uniforms(f"point/{k}", 3)]) for k in range(count)]
    return [(point, (point["x"] - 0.45) ** 2 + (point["c"] != "b")) for point in points]


def drawn(told):
    optimizer = Generations(CUBE)
    optimizer.tell(told)
    return list(optimizer.draw(7, 20))


def test_whoever_was_told_piece_by_piece_draws_what_one_does_who_was_told_at_once():
    record, kept = outcomes(47), Generations(CUBE)
    for length in (3, 12, 19, 20, 25, 31, 47, 46):
        kept.tell(record[:length])
        assert list(kept.draw(7, 20)) == drawn(record[:length]), length


def test_of_a_long_record_the_best_of_the_beginning_is_where_the_rest_is_replayed_from():
    """Of 25 the first 10 are left out but for the best of them."""
    record = outcomes(25)
    best = min(range(10), key=lambda k: record[k][1])
    far = ({"x": 0.7, "n": 7, "c": "c"}, 9.0)
    others = [far if k < 10 and k != best else each for k, each in enumerate(record)]
    assert drawn(others) == drawn(record)
    assert drawn([far if k == best else each for k, each in enumerate(others)]) != drawn(record)
    assert drawn([far if k == 10 else each for k, each in enumerate(record)]) != drawn(record)
    # Of 19 none is.
    assert drawn([far if k == 0 else each for k, each in enumerate(record[:19])]) != drawn(record[:19])


def test_a_best_point_on_an_edge_is_a_place_to_begin_from_too():
    record = [({"x": 0.0, "n": 9, "c": "a"}, -1.0), *outcomes(29)]
    xs = [point["x"] for point in drawn(record)]
    assert all(0 <= x <= 1 for x in xs)
    assert any(0 < x < 1 for x in xs)
