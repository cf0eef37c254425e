"""One run: an algorithm, a problem, a seed, sequential or several at a time. And the file that keeps what was run."""

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from quality_suite.players import katib_space, player
from quality_suite.problem import Problem

CHECKPOINTS = (10, 25, 50, 100, 200)
"""Numbers of evaluations after which the best value so far is kept."""

BASELINE_SEEDS = 101
"""Runs of plain random search whose median is what counts as 1."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What identifies a run.

    Attributes:
        parallel: points that are out at a time; the one that was asked for first comes back first.
        budget: evaluations. Algorithms may know it, as they know the budget of a study.
    """

    problem: str
    algorithm: str
    seed: int
    parallel: int
    budget: int


def play(run: Run, problem: Problem) -> dict[str, object]:
    """The run's line: the best value at each checkpoint, and the seconds that the algorithm took."""
    hands = player(run.algorithm, problem, seed=run.seed, parallel=run.parallel, budget=run.budget)
    best, kept, thinking = float("inf"), {}, 0.0
    out: deque[tuple[object, float]] = deque()
    asked, over = 0, False
    for told in range(1, run.budget + 1):
        while len(out) < run.parallel and asked < run.budget and not over:
            began = time.process_time()
            try:
                handle, point = hands.ask()
            except StopIteration:
                over = True  # A finite space is used up: the best stays what it is.
                break
            finally:
                thinking += time.process_time() - began
            asked += 1
            out.append((handle, problem(point)))
        if out:
            handle, value = out.popleft()
            best = min(best, value)
            began = time.process_time()
            hands.tell(handle, value)
            thinking += time.process_time() - began
        if told in CHECKPOINTS:
            kept[str(told)] = best
    return {**asdict(run), "best": kept, "seconds": round(thinking, 2)}


def random_search(problem: Problem, budget: int) -> dict[str, float]:
    """The median of the best value of plain random search at each checkpoint."""
    import statistics

    from katib.core.draw import uniforms
    from katib.core.encode import Cube

    cube = Cube(katib_space(problem))
    ordered = {param.name for param in problem.params if param.kind == "ordered"}
    bests: dict[int, list[float]] = {each: [] for each in CHECKPOINTS if each <= budget}
    for seed in range(BASELINE_SEEDS):
        best = float("inf")
        for number in range(1, budget + 1):
            drawn = cube.decode(uniforms(f"baseline/{problem.name}/{seed}/{number}", len(cube.axes)))
            point = {name: float(value) if name in ordered else value for name, value in drawn.items()}
            best = min(best, problem(point))
            if number in bests:
                bests[number].append(best)
    return {str(number): statistics.median(values) for number, values in bests.items()}


class Results:
    """A file of lines, one per run, in the order in which they ended. What stands in it is not run again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self._done = {self._key(line) for line in self.lines}

    @staticmethod
    def _key(line: dict[str, object]) -> Run:
        return Run(**{name: line[name] for name in Run.__dataclass_fields__})  # type: ignore[arg-type]

    def __contains__(self, run: Run) -> bool:
        return run in self._done

    def add(self, line: dict[str, object]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)
        self._done.add(self._key(line))

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(self.lines)
