"""Who plays: katib's algorithms through its own port, and each peer library used directly.

A player is asked for a point and told its value. Up to four points may be out at a time.
"""

import hashlib
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from katib.core.advice import Advice
from katib.core.objective import Direction, Objective
from katib.core.space import Choice, Distribution, ParameterType, Range, SearchSpace, When
from katib.core.study import Budget, StudyConfig
from katib.core.trial import Reason, Trial, TrialState
from katib.suggestion.local import LocalSuggestions
from quality_suite.problem import Param, Point, Problem


class Player(Protocol):
    def ask(self) -> tuple[Any, Point]:
        """A handle, and the point to evaluate."""
        ...

    def tell(self, handle: Any, value: float) -> None: ...


def number_of(*words: object) -> int:
    """A seed that depends on words only."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:4], "big") >> 1


# --- katib -----------------------------------------------------------------------------------------------------------


def katib_space(problem: Problem) -> SearchSpace:
    return SearchSpace(parameters=tuple(_katib_parameter(param) for param in problem.params))


def _katib_parameter(param: Param) -> Range | Choice:
    when = When(parameter=param.when[0], values=param.when[1]) if param.when else None
    if param.kind in ("choice", "ordered"):
        kind = ParameterType.CATEGORICAL if param.kind == "choice" else ParameterType.DISCRETE
        return Choice(name=param.name, type=kind, values=tuple(map(str, param.choices)), condition=when)
    return Range(
        name=param.name,
        type=ParameterType.INT if param.kind == "int" else ParameterType.DOUBLE,
        low=param.low,
        high=param.high,
        distribution=Distribution.LOG_UNIFORM if param.log else Distribution.UNIFORM,
        condition=when,
    )


class Katib:
    def __init__(self, algorithm: str, problem: Problem, seed: int, parallel: int, budget: int) -> None:
        self._service = LocalSuggestions()
        self._kinds = {param.name: param.kind for param in problem.params}
        self._trials: list[Trial] = []
        self._config = StudyConfig(
            name=problem.name,
            uid=f"{problem.name}-{seed}",
            space=katib_space(problem),
            objective=Objective(metric="loss", direction=Direction.MINIMIZE),
            algorithm=algorithm,
            budget=Budget(max_trials=budget, parallel=parallel),
        )

    def ask(self) -> tuple[int, Point]:
        ordinal = len(self._trials) + 1
        reply = self._service.suggest(self._config, self._trials, [ordinal])
        if not reply.advice:
            raise StopIteration(reply.exhausted)
        self._trials.append(_running(reply.advice[0]))
        point = {
            name: float(value) if self._kinds[name] == "ordered" else value
            for name, value in reply.advice[0].assignment.items()
        }
        return ordinal, point

    def tell(self, handle: int, value: float) -> None:
        self._trials[handle - 1] = replace(
            self._trials[handle - 1], state=TrialState.SUCCEEDED, reason=Reason.SUCCEEDED, value=value
        )


def _running(advice: Advice) -> Trial:
    return Trial(
        ordinal=advice.ordinal,
        name=f"trial-{advice.ordinal}",
        assignment=advice.assignment,
        labels=advice.labels,
        state=TrialState.RUNNING,
        reason=Reason.STARTED,
    )


# --- optuna ----------------------------------------------------------------------------------------------------------


class Optuna:
    def __init__(self, sampler: str, problem: Problem, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        samplers = optuna.samplers
        self._problem = problem
        made = {
            "tpe": lambda: samplers.TPESampler(seed=seed),
            "tpe-univariate": lambda: samplers.TPESampler(seed=seed, multivariate=False),
            "gp": lambda: samplers.GPSampler(seed=seed),
        }[sampler]()
        self._study = optuna.create_study(sampler=made)

    def ask(self) -> tuple[Any, Point]:
        trial = self._study.ask()
        point: dict[str, Any] = {}
        for param in self._problem.params:
            if param.when and not (param.when[0] in point and point[param.when[0]] in param.when[1]):
                continue
            if param.kind in ("choice", "ordered"):
                point[param.name] = trial.suggest_categorical(param.name, param.choices)
            elif param.kind == "int":
                point[param.name] = trial.suggest_int(param.name, int(param.low), int(param.high), log=param.log)
            else:
                point[param.name] = trial.suggest_float(param.name, param.low, param.high, log=param.log)
        return trial, point

    def tell(self, handle: Any, value: float) -> None:
        self._study.tell(handle, value)


# --- hyperopt --------------------------------------------------------------------------------------------------------


class Hyperopt:
    def __init__(self, problem: Problem, seed: int) -> None:
        import hyperopt

        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self._hyperopt = hyperopt
        self._seed = seed
        self._space = _hyperopt_space(problem.params)
        self._domain = hyperopt.Domain(lambda _: 0.0, self._space)
        self._trials = hyperopt.Trials()

    def ask(self) -> tuple[Any, Point]:
        (number,) = self._trials.new_trial_ids(1)
        seed = number_of("hyperopt", self._seed, number)
        docs = self._hyperopt.tpe.suggest([number], self._domain, self._trials, seed, verbose=False)
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()
        doc = self._trials._dynamic_trials[-1]
        values = {name: found[0] for name, found in doc["misc"]["vals"].items() if found}
        return doc, _flat(self._hyperopt.space_eval(self._space, values))

    def tell(self, handle: Any, value: float) -> None:
        handle["state"] = self._hyperopt.JOB_STATE_DONE
        handle["result"] = {"loss": value, "status": self._hyperopt.STATUS_OK}
        self._trials.refresh()


def _hyperopt_space(params: tuple[Param, ...]) -> dict[str, Any]:
    """A tree: parameters that hang on a choice are inside its items."""

    def under(parent: str | None, item: Any, path: str) -> dict[str, Any]:
        inside = [
            param
            for param in params
            if (param.when is None and parent is None)
            or (param.when is not None and param.when[0] == parent and item in param.when[1])
        ]
        return {param.name: leaf(param, path) for param in inside}

    def leaf(param: Param, path: str) -> Any:
        from hyperopt import hp

        # A parameter that is active under several items needs a label of its own in each.
        label = f"{path}{param.name}"
        if param.kind in ("choice", "ordered"):
            return hp.choice(
                label, [{"": item} | under(param.name, item, f"{label}={item}/") for item in param.choices]
            )
        if param.kind == "int":
            return _hyperopt_int(label, param)
        if param.log:
            return hp.loguniform(label, math.log(param.low), math.log(param.high))
        return hp.uniform(label, param.low, param.high)

    return under(None, None, "")


def _hyperopt_int(label: str, param: Param) -> Any:
    from hyperopt import hp
    from hyperopt.pyll import scope

    if param.log:
        drawn = hp.qloguniform(label, math.log(max(param.low - 0.5, 0.5)), math.log(param.high + 0.4999), 1)
    else:
        drawn = hp.quniform(label, param.low - 0.5, param.high + 0.4999, 1)
    return scope.int(drawn)


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            point[name] = value[""]
            point |= _flat({key: each for key, each in value.items() if key})
        else:
            point[name] = value
    return point


# --- scikit-optimize -------------------------------------------------------------------------------------------------


class Skopt:
    """Four at a time are asked for as a batch, which is what it offers; inactive parameters are asked for, too."""

    def __init__(self, problem: Problem, seed: int, parallel: int) -> None:
        import skopt
        from skopt.space import Categorical, Integer, Real

        warnings.simplefilter("ignore")
        self._names = [param.name for param in problem.params]
        dimensions = []
        for param in problem.params:
            prior = "log-uniform" if param.log else "uniform"
            if param.kind in ("choice", "ordered"):
                dimensions.append(Categorical(param.choices))
            elif param.kind == "int":
                dimensions.append(Integer(int(param.low), int(param.high), prior=prior))
            else:
                dimensions.append(Real(param.low, param.high, prior=prior))
        self._optimizer = skopt.Optimizer(dimensions, random_state=seed, n_initial_points=10)
        self._parallel = parallel
        self._asked: list[Any] = []
        self._told: list[tuple[Any, float]] = []

    def ask(self) -> tuple[Any, Point]:
        if not self._asked:
            if self._told:
                self._optimizer.tell([point for point, _ in self._told], [value for _, value in self._told])
                self._told = []
            self._asked = self._optimizer.ask(self._parallel) if self._parallel > 1 else [self._optimizer.ask()]
        point = self._asked.pop(0)
        return point, dict(zip(self._names, point, strict=True))

    def tell(self, handle: Any, value: float) -> None:
        self._told.append((handle, value))


# --- cmaes -----------------------------------------------------------------------------------------------------------


class CatCma:
    """CatCMAwM over the unit cube, whole numbers by their place, lists as categories; told by generations."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import cmaes

        floats = [param for param in problem.params if param.kind == "float"]
        whole = [param for param in problem.params if param.kind in ("int", "ordered")]
        lists = [param for param in problem.params if param.kind == "choice"]
        self._floats, self._whole, self._lists = floats, whole, lists
        self._values = [
            param.choices if param.kind == "ordered" else range(int(param.low), int(param.high) + 1) for param in whole
        ]
        self._optimizer = cmaes.CatCMAwM(
            x_space=[[0.0, 1.0]] * len(floats) or None,
            z_space=[self._steps(param, each) for param, each in zip(whole, self._values, strict=True)] or None,
            c_space=[len(param.choices) for param in lists] or None,
            seed=seed,
        )
        self._told: list[tuple[Any, float]] = []

    @staticmethod
    def _steps(param: Param, values: Any) -> list[float]:
        warped = [math.log(value) if param.log else float(value) for value in values]
        return [(each - warped[0]) / (warped[-1] - warped[0]) for each in warped]

    def ask(self) -> tuple[Any, Point]:
        drawn = self._optimizer.ask()
        point: dict[str, Any] = {}
        for i, param in enumerate(self._floats):
            u = min(max(float(drawn.x[i]), 0.0), 1.0)
            if param.log:
                point[param.name] = math.exp(math.log(param.low) * (1 - u) + math.log(param.high) * u)
            else:
                point[param.name] = param.low * (1 - u) + param.high * u
        for i, (param, values) in enumerate(zip(self._whole, self._values, strict=True)):
            steps = self._steps(param, values)
            point[param.name] = values[min(range(len(steps)), key=lambda k: abs(steps[k] - float(drawn.z[i])))]
        for i, param in enumerate(self._lists):
            point[param.name] = param.choices[int(drawn.c[i].argmax())]
        return drawn, point

    def tell(self, handle: Any, value: float) -> None:
        self._told.append((handle, value))
        if len(self._told) == self._optimizer.population_size:
            self._optimizer.tell(self._told)
            self._told = []


PEERS: dict[str, Callable[[Problem, int, int], Player]] = {
    "optuna:tpe": lambda problem, seed, _: Optuna("tpe", problem, seed),
    "optuna:tpe-univariate": lambda problem, seed, _: Optuna("tpe-univariate", problem, seed),
    "optuna:gp": lambda problem, seed, _: Optuna("gp", problem, seed),
    "hyperopt:tpe": lambda problem, seed, _: Hyperopt(problem, seed),
    "skopt:gp": Skopt,
    "cmaes:catcmawm": lambda problem, seed, _: CatCma(problem, seed),
}
"""Peer libraries by name; what has no colon is an algorithm of katib."""


def player(name: str, problem: Problem, *, seed: int, parallel: int, budget: int) -> Player:
    """A player for one run. The seeds of all runs differ, and depend on nothing else."""
    if name in PEERS:
        return PEERS[name](problem, number_of(problem.name, seed), parallel)
    return Katib(name, problem, seed, parallel, budget)
