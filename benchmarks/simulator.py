"""What a decision costs, and what a trial costs in the simulator; run it as `python benchmarks/simulator.py`.

A decision is made of what is unfinished, so a study's cost per trial must not grow with what has run already.
Exits with 1 when a limit is not kept.
"""

import sys
import time

from katib.core.decide import Snapshot, decide
from katib.core.trial import TrialState
from katib.testing import builders as make
from katib.testing.simulator import World

SECONDS_FOR_10_000 = 10.0
GROWTH = 1.5
REPEATS = 3


def seconds_per_trial(trials: int, *, parallel: int, stock: int) -> float:
    """Of a whole study in which every trial goes well: processor time, the fastest of a few."""
    fastest = float("inf")
    for _ in range(REPEATS):
        world = World(make.study(max_trials=trials, parallel=parallel), stock=stock)
        begun = time.process_time()
        world.play(passes=10 * trials)
        fastest = min(fastest, time.process_time() - begun)
        assert world.study.summary.count(TrialState.SUCCEEDED) == trials
    return fastest / trials


def busy(unfinished: int) -> Snapshot:
    """Every place taken, one trial just ended, one piece of advice to take its place."""
    runs = [make.view(make.trial(ordinal, TrialState.RUNNING), make.running()) for ordinal in range(1, unfinished)]
    ended = make.view(make.trial(unfinished, TrialState.RUNNING, metrics=make.metrics(0.5)), make.exited(0))
    study = make.study(max_trials=None, parallel=unfinished)
    return make.snapshot(*runs, ended, advised=[unfinished + 1], study=study)


def microseconds_per_decision(unfinished: int) -> float:
    snapshot, fastest = busy(unfinished), float("inf")
    number = max(20_000 // unfinished, 20)
    for _ in range(REPEATS):
        begun = time.process_time()
        for _ in range(number):
            decide(snapshot)
        fastest = min(fastest, (time.process_time() - begun) / number)
    return fastest * 1e6


def main() -> int:
    kept = True
    for unfinished in (2, 100, 1000):
        print(f"decide, {unfinished} unfinished trials: {microseconds_per_decision(unfinished):.0f} us")
    for parallel, stock in ((2, 0), (2, 64), (100, 64)):
        few = seconds_per_trial(1000, parallel=parallel, stock=stock)
        many = seconds_per_trial(10_000, parallel=parallel, stock=stock)
        kept = kept and many / few <= GROWTH and many * 10_000 <= SECONDS_FOR_10_000
        print(
            f"simulator, {parallel} at a time, stock {stock}: 10,000 trials in {many * 10_000:.1f} s, "
            f"{many * 1e6:.0f} us per trial, {many / few:.2f}x that at 1,000"
        )
    print(f"limits: 10,000 trials in {SECONDS_FOR_10_000:g} s, growth {GROWTH}x: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
