"""What the decision relies on, shown by what goes wrong without it, and what holds all the same."""

import pytest

from katib.core.study import Budget, RetryPolicy
from katib.errors import Conflict
from katib.testing import builders as make
from katib.testing.simulator import Lag, World
from katib.testing.toys import Fate
from katib.testing.truths import Witness


def after(world, *events):
    """What a witness says after each of some events."""
    witness = Witness(world)
    said = []
    for event in events:
        event()
        world.remember()
        said += witness.look()
    return {fault.split(":")[0] for fault in said}


def lowered_while_deciding(*, guarded):
    """The user lowers the budget between the look and the commit that creates three trials."""
    world = World(make.study(max_trials=3, parallel=3), guarded=guarded)
    world.step()
    world.answer()
    commit = world.effects()[0]
    world.wish(budget=Budget(max_trials=1, parallel=1))
    return after(world, commit.do)


def test_a_commit_on_an_old_view_would_overrun_the_budget():
    assert lowered_while_deciding(guarded=False) == {"within_budget"}


def test_so_it_is_refused():
    with pytest.raises(Conflict):
        lowered_while_deciding(guarded=True)


def test_a_runner_reports_what_it_reported_before_or_a_trial_runs_twice():
    """The one thing a runner must never do: forget by itself a run that it has reported as running."""
    world = World(make.study(max_trials=1), fate=lambda _key: Fate(seconds=9.0), memory=8)
    for _ in range(2):
        world.step()
        world.answer()
        world.remember()
    world.runner.work(1.0)
    world.remember()
    world.step()
    world.remember()
    assert after(world, lambda: world.step(Lag(reports=3))) == set()

    world.guarded = False
    assert "one_run_per_trial" in after(world, lambda: world.step(Lag(reports=4)))


def test_a_move_to_the_next_attempt_is_a_write_though_no_count_changes():
    """Else a commit on the view before it would be taken, and the old attempt launched again."""
    world = World(make.study(max_trials=1), fate=lambda _key: Fate(code=1), retry=RetryPolicy(retries=1))
    world.step()
    world.answer()
    world.step()
    (name, _), *_ = world.runner.alive
    world.runner.end((name, 1))
    old = world.effects()[0]
    world.step()
    assert world.store.trials[1].attempt == 2
    with pytest.raises(Conflict):
        old.do()
