"""How good are the suggestions? katib's algorithms against random search and against each peer library used directly.

    python benchmarks/quality.py                                   # all that is not on record yet, then the tables
    python benchmarks/quality.py --algorithms gp,optuna:tpe --seeds 3 --functions branin,jenatton
    python benchmarks/quality.py --report                          # the tables only

Twenty-two problems (`--list`): published functions, and real scikit-learn trainings that were tabulated once. Each run
is 100 evaluations (`--budget 200` for the longer comparison), sequential or four at a time. A run's line is appended to
the results file when it ends, and is not run again while it stands there. Delete an algorithm's lines when it changed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

# One thread a process: `--jobs` says how many there are. Set before numpy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from quality_suite.runs import CHECKPOINTS, Results, Run, play, random_search  # noqa: E402
from quality_suite.standard import STANDARD  # noqa: E402
from quality_suite.training import TRAINING  # noqa: E402

PROBLEMS = {problem.name: problem for problem in (*STANDARD, *TRAINING)}
RESULTS = HERE / "quality_results.jsonl"
BASELINE = HERE / "quality_suite" / "baseline.json"

SLOW = {"skopt:gp", "optuna:gp"}
"""They take minutes a run: four problems and three seeds."""
SLOW_PROBLEMS = ("branin", "func2c", "forest_digits", "ridge_diabetes")
SLOW_SEEDS = 3

ALGORITHMS = (
    "gp",
    "auto",
    "catcma",
    "optuna:tpe",
    "optuna:tpe-univariate",
    "hyperopt:tpe",
    "cmaes:catcmawm",
    "random",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithms", type=_list, default=[*ALGORITHMS, "skopt:gp"], metavar="A,B")
    parser.add_argument("--functions", type=_list, default=list(PROBLEMS), metavar="F,G")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--parallel", type=_list, default=["1", "4"], metavar="1,4")
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--by-function", action="store_true", help="also the median regret of each function")
    parser.add_argument("--list", action="store_true", help="the functions")
    options = parser.parse_args()
    if options.list:
        for problem in PROBLEMS.values():
            print(f"{problem.name:20} {len(problem.params):2}  {', '.join(problem.tags)}: {problem.source}")
        return
    results = Results(options.results)
    if not options.report:
        carry_out([run for run in wanted(options) if run not in results], results, options.jobs)
    report(results, options)


def _list(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def wanted(options: argparse.Namespace) -> Iterator[Run]:
    """Seed by seed, so that what is there after an hour is a table of fewer seeds."""
    for seed in range(options.seeds):
        for algorithm in options.algorithms:
            slow = algorithm in SLOW
            for problem in options.functions:
                if slow and (seed >= SLOW_SEEDS or problem not in SLOW_PROBLEMS):
                    continue
                for parallel in map(int, options.parallel):
                    yield Run(problem=problem, algorithm=algorithm, seed=seed, parallel=parallel, budget=options.budget)


def carry_out(runs: Sequence[Run], results: Results, jobs: int) -> None:
    began = time.monotonic()
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        open_runs = [pool.submit(_played, run) for run in runs]
        for number, done in enumerate(as_completed(open_runs), start=1):
            line = done.result()
            results.add(line)
            left = (time.monotonic() - began) / number * (len(runs) - number)
            words = f"{line['algorithm']} x{line['parallel']} on {line['problem']}, seed {line['seed']}"
            print(f"{number}/{len(runs)}  {words}: {line['seconds']} s; {left / 60:.0f} min left", file=sys.stderr)


def _played(run: Run) -> dict[str, object]:
    return play(run, PROBLEMS[run.problem])


def baseline() -> dict[str, dict[str, float]]:
    """The medians of random search, computed once for each problem and kept beside the tables."""
    kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    missing = [name for name in PROBLEMS if name not in kept]
    for name in missing:
        kept[name] = random_search(PROBLEMS[name], max(CHECKPOINTS))
    if missing:
        BASELINE.write_text(json.dumps({name: kept[name] for name in PROBLEMS}, indent=1) + "\n")
    return kept


def report(results: Results, options: argparse.Namespace) -> None:
    """The tables, in Markdown: the algorithms that have every function, then the slow ones on what they have."""
    from quality_suite import report as tables

    medians = baseline()
    chosen = {name: PROBLEMS[name] for name in options.functions}
    present = {str(line["algorithm"]) for line in results if line["budget"] == options.budget}
    quick = [name for name in options.algorithms if name in present and name not in SLOW]
    slow = [name for name in options.algorithms if name in present and name in SLOW]
    lines = [line for line in results if line["budget"] == options.budget]
    for parallel in map(int, options.parallel):
        for names in (quick, [*quick, *slow] if slow else []):
            found = [
                tables.standings(lines, chosen, medians, algorithms=names, parallel=parallel, checkpoint=checkpoint)
                for checkpoint in CHECKPOINTS[1:]
                if checkpoint <= options.budget and names
            ]
            there = [each for each in found if each]
            if there:
                how = "sequential" if parallel == 1 else f"{parallel} at a time"
                print(f"\n{how}, {there[0].problems} functions, {there[0].pairs} runs of each\n")
                print(tables.markdown(there))
    if options.by_function:
        print("\n" + tables.by_problem(lines, chosen, medians, str(options.budget)))


if __name__ == "__main__":
    main()
