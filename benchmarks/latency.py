"""What an answer of each algorithm costs, beside the library it stands on, used live in the same run.

    python benchmarks/latency.py             # every installed algorithm, 0 to 10,000 trials; half an hour
    python benchmarks/latency.py --quick     # 100 and 1,000 trials, fewer repetitions
    python benchmarks/latency.py tpe cmaes   # these only
    python benchmarks/latency.py --lengths 10000 nsga2:3   # so long a history; three objectives

The space has 8 parameters of all kinds, and the history random points; that of an algorithm whose trials build upon
each other is its own. With several objectives all trials are on one front, which is the hardest case. `here` is the
algorithm in this process, `wire` a server of its own with the whole history in each message, both warm: each question
comes with one trial more than the last. `cold` is the first question, `wire cold` over the wire. `message` is what
reading such a message costs alone, algorithm aside. Peers live in one process, ask and tell. Seconds are wall time,
medians; memory is the most that a process with this algorithm alone ever held. `cpu` is `here` in seconds of a
processor: on a busy machine those of the clock are its neighbours' too; `cold cpu` is `cold` likewise.
"""

import argparse
import json
import math
import multiprocessing
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from katib.config import ServeSettings, SuggestionSettings
from katib.core.advice import Advice
from katib.core.draw import uniforms
from katib.core.encode import Cube
from katib.core.objective import Direction, Objective
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import KatibError
from katib.suggestion.local import LocalSuggestions
from katib.suggestion.registry import Registry
from katib.testing.algorithms import SPACES, study_config, trial

SPACE = SPACES["mixed"]
COLUMNS = ("here", "cpu", "cold", "cold cpu", "wire", "wire cold", "message", "peer")
LENGTHS, QUICK = (0, 100, 1_000, 10_000), (100, 1_000)
GOALS = {
    "random": "wire - message <= 0.010 s",
    "grid": "wire - message <= 0.010 s",
    "sobol": "wire - message <= 0.010 s",
    "tpe": "wire <= 1.2 x peer",
    "multivariate-tpe": "wire <= 1.2 x peer",
    "cmaes": "wire <= 1.2 x peer",
    "bayesianoptimization": "wire <= 1 x peer",
}
SETTINGS: dict[str, dict[str, str]] = {
    "pbt": {"n_population": "20", "truncation_threshold": "0.2"},
    "asha": {"resource_name": "layers"},
    "hyperband": {"resource_name": "layers", "r_l": "6"},
    "bohb": {"resource_name": "layers", "r_l": "6"},
}
OWN_HISTORY = {"asha": 100, "hyperband": 100, "bohb": 100, "pbt": 20}
"""Those whose trials build upon each other, by their labels: how many at a time their history is made."""
SEVERAL = tuple(f"{name}:3" for name in ("auto", "gp", "multivariate-tpe", "nsga2", "tpe"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithms", nargs="*", metavar="NAME[:OBJECTIVES]", help="all installed ones by default")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--lengths", type=int, nargs="+", help="trials of history; 0, 100, 1,000 and 10,000 by default")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    lengths, times = (QUICK, 3) if options.quick else (LENGTHS, 5)
    lengths = options.lengths or lengths
    if options.here:
        print(json.dumps(here(options.here, lengths, times)))
        return
    columns = "".join(f"{each:>10}" for each in COLUMNS)
    print(f"{'algorithm':22}{'trials':>7}{columns}  ratio, goal")
    with_server(lambda address: table(options.algorithms or [*Registry().names, *SEVERAL], lengths, times, address))


def table(names: Sequence[str], lengths: Sequence[int], times: int, address: str) -> None:
    for name in names:
        if faults := refused(name):
            print(f"{name:22} not measured: {faults}", flush=True)
            continue
        words = [sys.executable, __file__, "--here", name, *(["--quick"] if times < 5 else [])]
        words += ["--lengths", *map(str, lengths)]
        measured = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        for length in lengths:
            wire, wire_cold, message = over_the_wire(name, length, times, address)
            peer = PEERS[name](length, times) if name in PEERS else None
            at = measured[str(length)]
            seconds = [at["warm"], at["cpu"], at["cold"], at["cold cpu"], wire, wire_cold, message, peer]
            print(line(name, length, seconds), flush=True)
        print(f"{name:22} held {measured['megabytes']:.0f} MB at most", flush=True)


def line(name: str, length: int, seconds: Sequence[float | None]) -> str:
    shown = "".join(f"{'' if each is None else f'{each:.4f}':>10}" for each in seconds)
    *_, wire, _, message, peer = seconds
    beyond = (wire or 0) - (message or 0)
    told = f"{(wire or 0) / peer:.2f} x peer" if peer else f"{beyond:.4f} s beyond the message"
    goal = f"  (goal {GOALS[name]})" if name in GOALS and length == 1_000 else ""
    return f"{name:22}{length:>7}{shown}  {told}{goal}"


def study(name: str, length: int, way: str) -> StudyConfig:
    algorithm, _, objectives = name.partition(":")
    space = SPACE
    if LocalSuggestions().abilities(algorithm).finite_only:
        space = SPACES["huge grid"]
    further = (Objective(metric=f"cost-{k}", direction=Direction.MINIMIZE) for k in range(1, int(objectives or 1)))
    return study_config(
        algorithm,
        space,
        further_objectives=tuple(further),
        settings=SETTINGS.get(algorithm, {}),
        name=f"{name}-{way}-{length}",
        uid=f"{way}{length}",
    )


def refused(name: str) -> str:
    try:
        return "; ".join(each.wanted for each in LocalSuggestions().validate(study(name, 0, "v")))
    except KatibError as error:
        return str(error)


def history(of: StudyConfig, length: int) -> list[Trial]:
    """Trials whose values have a minimum in the middle, one a minute: of random points, or of the algorithm's own."""
    if of.algorithm in OWN_HISTORY:
        return own_history(of, length)
    cube = Cube(of.space)
    points = (uniforms(f"history/{ordinal}", len(cube.axes)) for ordinal in range(1, length + 1))
    return [
        ended(cube, len(of.objectives), Advice(ordinal=ordinal, assignment=cube.decode(point)))
        for ordinal, point in enumerate(points, 1)
    ]


def own_history(of: StudyConfig, length: int) -> list[Trial]:
    service, cube, trials = LocalSuggestions(), Cube(of.space), list[Trial]()
    while len(trials) < length:
        first = len(trials) + 1
        advice = service.suggest(of, trials, range(first, first + OWN_HISTORY[of.algorithm])).advice
        trials += [ended(cube, 1, each) for each in advice]
    return trials[:length]


def ended(cube: Cube, objectives: int, advice: Advice) -> Trial:
    value = sum((x - 0.4) ** 2 for x in cube.encode(advice.assignment))
    further: Sequence[float] = ()
    if objectives > 1:
        value, *further = plane(f"front/{advice.ordinal}", objectives)
    began = 1.7e9 + 60.0 * advice.ordinal
    return replace(
        trial(advice),
        value=value,
        further_values=tuple(further),
        created_at=began,
        started_at=began,
        ended_at=began + 50.0,
    )


def plane(seed: str, objectives: int) -> list[float]:
    """Values with the sum 1: none of such dominates another."""
    shares = [-math.log(1 - u) for u in uniforms(seed, objectives)]
    return [each / sum(shares) for each in shares]


def asked(suggest: Callable[..., Any], of: StudyConfig, length: int, times: int) -> tuple[list[float], list[float]]:
    """What the first question takes, and the next ones, each with one trial more: by the clock, and of the processor by
    this process."""
    trials = history(of, length + times)
    seconds, used = list[float](), list[float]()
    for more in range(times + 1):
        record = trials[: length + more]
        began, busy = time.perf_counter(), time.process_time()
        suggest(of, record, [len(record) + 1])
        seconds.append(time.perf_counter() - began)
        used.append(time.process_time() - busy)
    return seconds, used


def load(suggest: Callable[..., Any], name: str) -> None:
    """The library's import is not an answer's cost."""
    suggest(study(name, 50, "import"), history(study(name, 50, "import"), 50), [51])


def here(name: str, lengths: Sequence[int], times: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for length in lengths:
        service = LocalSuggestions()
        load(service.suggest, name)
        seconds, used = asked(service.suggest, study(name, length, "here"), length, times)
        found[str(length)] = {
            "cold": seconds[0],
            "warm": statistics.median(seconds[1:]),
            "cpu": statistics.median(used[1:]),
            "cold cpu": used[0],
        }
    found["megabytes"] = most_held()
    return found


def most_held() -> float:
    """Megabytes that this process ever held. What getrusage says counts the process that it was forked from, too."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def over_the_wire(name: str, length: int, times: int, address: str) -> tuple[float, float, float]:
    """(an answer, the first answer, the message alone), in seconds."""
    from katib.rpc import api
    from katib.server.requests import RequestReader
    from katib.suggestion.grpc import GrpcSuggestions

    client = GrpcSuggestions(address)
    of = study(name, length, "wire")
    load(client.suggest, name)
    answers, _ = asked(client.suggest, of, length, times)
    trials = history(of, length + times)
    reader, seconds = RequestReader(), []
    for more in range(times + 1):
        request = client._request(of, trials[: length + more], [length + 1 + more])
        began = time.perf_counter()
        reader.asked(api.UnreadSuggestionsRequest.FromString(request))
        seconds.append(time.perf_counter() - began)
    client.close()
    # The first one is cold, as the first question is.
    return statistics.median(answers[1:]), answers[0], statistics.median(seconds[1:])


def with_server(use: Callable[[str], None]) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        use(ours.recv())
    finally:
        ours.send("stop")
        process.join(30)


def serve(end: Connection) -> None:
    from katib.server.serving import SuggestionServer, open_service

    settings = ServeSettings(port=0, workers=1, quick_workers=1)
    server = SuggestionServer(open_service(settings, SuggestionSettings()), settings)
    server.start()
    end.send(server.address)
    end.recv()
    server.stop(grace=0)


def median_of(step: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def optuna_live(sampler: Callable[[], Any], most: int = 10**9) -> Callable[[int, int], float | None]:
    """An optuna study that holds the history: ask and tell."""

    def measure(length: int, times: int) -> float | None:
        if length > most:
            return None
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        distributions = dict(optuna_space())
        study = optuna.create_study(sampler=sampler())
        of = study_config("tpe", SPACE)
        for each in history(of, length):
            params = {name: float(v) if name == "batch" else v for name, v in each.assignment.items()}
            study.add_trial(optuna.create_trial(value=each.value, params=params, distributions=distributions))
        values = iter(uniforms("live", 1000))

        def step() -> None:
            study.tell(study.ask(distributions), next(values))

        step()
        return median_of(step, times)

    return measure


def optuna_space() -> Iterator[tuple[str, Any]]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    yield "lr", FloatDistribution(1e-5, 0.1, log=True)
    yield "momentum", FloatDistribution(0, 1)
    yield "dropout", FloatDistribution(0, 0.5, step=0.05)
    yield "layers", IntDistribution(1, 6)
    yield "units", IntDistribution(16, 1024, log=True)
    yield "batch", CategoricalDistribution([32.0, 64.0, 128.0])
    yield "optimizer", CategoricalDistribution(["sgd", "adam"])
    yield "decay", FloatDistribution(-1, 1)


def tpe_sampler(multivariate: bool) -> Any:
    import optuna

    return optuna.samplers.TPESampler(seed=1, multivariate=multivariate, constant_liar=True)


def cma_sampler() -> Any:
    import optuna

    return optuna.samplers.CmaEsSampler(seed=1)


def gp_sampler() -> Any:
    import optuna

    return optuna.samplers.GPSampler(seed=1)


def skopt_live(length: int, times: int) -> float | None:
    """Only up to 100 trials: beyond, one answer takes minutes."""
    if length > 100:
        return None
    from skopt import Optimizer
    from skopt.space import Categorical, Integer, Real

    space = [
        Real(1e-5, 0.1, prior="log-uniform"),
        Real(0, 1),
        Real(0, 0.5),
        Integer(1, 6),
        Integer(16, 1024),
        Categorical(["32", "64", "128"]),
        Categorical(["sgd", "adam"]),
        Real(-1, 1),
    ]
    optimizer = Optimizer(space, random_state=1)
    trials = history(study_config("tpe", SPACE), length)
    if trials:
        optimizer.tell([list(each.assignment.values()) for each in trials], [each.value for each in trials])
    values = iter(uniforms("live", 1000))
    return median_of(lambda: optimizer.tell(optimizer.ask(), next(values)), times)


def hyperopt_live(length: int, times: int) -> float | None:
    """`tpe.suggest` on Trials that hold the history; only up to 1,000: beyond, one answer takes minutes."""
    if length > 1_000:
        return None
    from hyperopt import Trials, hp, tpe
    from hyperopt.base import JOB_STATE_DONE, STATUS_OK, Domain

    space: dict[str, Any] = {
        "lr": hp.loguniform("lr", math.log(1e-5), math.log(0.1)),
        "momentum": hp.uniform("momentum", 0, 1),
        "dropout": hp.quniform("dropout", 0, 0.5, 0.05),
        "layers": hp.quniform("layers", 1, 6, 1),
        "units": hp.qloguniform("units", math.log(16), math.log(1024), 1),
        "batch": hp.randint("batch", 3),
        "optimizer": hp.randint("optimizer", 2),
        "decay": hp.normal("decay", 0, 1 / 3),
    }
    domain, trials = Domain(lambda _: 0.0, space), Trials()
    lists = {"batch": ("32", "64", "128"), "optimizer": ("sgd", "adam")}
    for each in history(study_config("tpe", SPACE), length):
        tid = each.ordinal
        vals = {n: [lists[n].index(str(v)) if n in lists else v] for n, v in each.assignment.items()}
        misc = {"tid": tid, "cmd": None, "workdir": None, "idxs": {name: [tid] for name in vals}, "vals": vals}
        (document,) = trials.new_trial_docs([tid], [None], [{"status": STATUS_OK, "loss": each.value}], [misc])
        trials.insert_trial_docs([{**document, "state": JOB_STATE_DONE}])
    trials.refresh()
    return median_of(lambda: tpe.suggest([length + 1], domain, trials, 7, verbose=False), times)


PEERS: dict[str, Callable[[int, int], float | None]] = {
    "tpe": optuna_live(lambda: tpe_sampler(False)),
    "multivariate-tpe": optuna_live(lambda: tpe_sampler(True)),
    "cmaes": optuna_live(cma_sampler),
    "gp": optuna_live(gp_sampler, most=100),
    "bayesianoptimization": skopt_live,
    "hyperopt-tpe": hyperopt_live,
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
