"""Trains the models behind the tables of `tables/`: the error of every point of a grid. Ten minutes on one core.

    OMP_NUM_THREADS=1 python benchmarks/quality_suite/tabulate.py [NAME ...]

Data: scikit-learn's digits, breast cancer, wine and diabetes sets, which come with it. The error is that of three-fold
cross-validation for cheap models and of a held-out third for others; for regression, the mean squared error over the
variance of the targets.
"""

import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

TABLES = Path(__file__).parent / "tables"
Branch = dict[str, Any]


def number(name: str, grid: Sequence[float], *, kind: str = "float", log: bool = False, when: Any = None) -> Branch:
    grid = [float(f"{value:.6g}") for value in grid]
    document: Branch = {"name": name, "kind": kind, "low": grid[0], "high": grid[-1], "log": log, "grid": grid}
    if kind == "int":
        document |= {"low": int(grid[0]), "high": int(grid[-1])}
    if kind == "ordered":
        document |= {"choices": grid}
    return document | ({"when": when} if when else {})


def choice(name: str, *choices: str, when: Any = None) -> Branch:
    return {"name": name, "kind": "choice", "choices": choices} | ({"when": when} if when else {})


def branches_of(params: Sequence[Branch]) -> Iterable[tuple[dict[str, str], list[Branch]]]:
    """Every combination of the choices that is possible, and the numbers that are active in it."""

    def grow(rest: Sequence[Branch], chosen: dict[str, str], numbers: list[Branch]) -> Iterable[Any]:
        if not rest:
            yield chosen, numbers
            return
        first, *others = rest
        when = first.get("when")
        if when and chosen.get(when[0]) not in when[1]:
            yield from grow(others, chosen, numbers)
        elif first["kind"] == "choice":
            for each in first["choices"]:
                yield from grow(others, {**chosen, first["name"]: each}, numbers)
        else:
            yield from grow(others, chosen, [*numbers, first])

    return grow(params, {}, [])


def tabulate(
    params: Sequence[Branch], errors: Callable[[dict[str, str], list[dict[str, float]]], Sequence[float]]
) -> list[Branch]:
    """The branches of a table; `errors` is asked for a whole branch, the last number changing fastest."""
    tables = []
    for chosen, numbers in branches_of(params):
        grids = [each["grid"] for each in numbers]
        points = [
            dict(zip([each["name"] for each in numbers], values, strict=True)) for values in itertools.product(*grids)
        ]
        found = [round(float(error), 5) for error in errors(chosen, points)]
        tables.append({"choices": list(chosen.values()), "errors": found})
    return tables


def one_by_one(error: Callable[[dict[str, str], dict[str, float]], float]) -> Any:
    return lambda chosen, points: [error(chosen, point) for point in points]


def split(load: Callable[..., Any], *, most: int | None = None) -> Any:
    x, y = load(return_X_y=True)
    return train_test_split(StandardScaler().fit_transform(x[:most]), y[:most], test_size=1 / 3, random_state=0)


def folded(model: Any, x: Any, y: Any) -> float:
    return 1 - float(np.mean(cross_val_score(model, x, y, cv=StratifiedKFold(3))))


def svm_digits() -> Branch:
    x, y = datasets.load_digits(return_X_y=True)
    x, y = x[:600] / 16, y[:600]
    params = [
        number("C", np.geomspace(1e-3, 1e3, 13), log=True),
        number("gamma", np.geomspace(1e-5, 1e1, 13), log=True),
    ]
    branches = tabulate(params, one_by_one(lambda _, p: folded(SVC(C=p["C"], gamma=p["gamma"]), x, y)))
    return {"params": params, "branches": branches, "tags": ["log", "training"], "source": "SVC (RBF) on 600 digits"}


def svm_cancer() -> Branch:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    params = [
        choice("kernel", "linear", "rbf", "poly"),
        number("C", np.geomspace(1e-3, 1e2, 9), log=True),
        number("gamma", np.geomspace(1e-5, 1e0, 9), log=True, when=["kernel", ["rbf", "poly"]]),
        number("degree", [2, 3, 4], kind="int", when=["kernel", ["poly"]]),
        number("coef0", [0, 0.5, 1], when=["kernel", ["poly"]]),
    ]

    def error(chosen: dict[str, str], p: dict[str, float]) -> float:
        options = {name: int(value) if name == "degree" else value for name, value in p.items()}
        return folded(make_pipeline(StandardScaler(), SVC(kernel=chosen["kernel"], **options)), x, y)

    return {
        "params": params,
        "branches": tabulate(params, one_by_one(error)),
        "tags": ["mixed", "log", "conditional", "training"],
        "source": "SVC on breast cancer; gamma, degree and coef0 hang on the kernel",
    }


def forest_digits() -> Branch:
    x, tx, y, ty = split(datasets.load_digits, most=900)
    trees = [1, 2, 4, 8, 16, 32, 64]
    params = [
        choice("criterion", "gini", "entropy"),
        number("max_depth", [1, 2, 4, 6, 9, 14], kind="int"),
        number("max_features", [0.02, 0.1, 0.25, 0.5, 1.0]),
        number("min_samples_leaf", [1, 2, 4, 8, 16], kind="int", log=True),
        number("n_estimators", trees, kind="int", log=True),
    ]

    def errors(chosen: dict[str, str], points: list[dict[str, float]]) -> list[float]:
        found: list[float] = []
        for p in points[:: len(trees)]:
            forest = RandomForestClassifier(
                n_estimators=trees[-1],
                criterion=chosen["criterion"],
                max_depth=int(p["max_depth"]),
                max_features=p["max_features"],
                min_samples_leaf=int(p["min_samples_leaf"]),
                random_state=0,
            ).fit(x, y)
            # A forest of fewer trees is the beginning of a larger one.
            votes = np.cumsum([tree.predict_proba(tx) for tree in forest.estimators_], axis=0)
            found += [float(np.mean(votes[n - 1].argmax(axis=1) != ty)) for n in trees]
        return found

    return {
        "params": params,
        "branches": tabulate(params, errors),
        "tags": ["mixed", "integer", "log", "training"],
        "source": "RandomForestClassifier on 900 digits",
    }


def boosting_diabetes() -> Branch:
    x, tx, y, ty = split(datasets.load_diabetes)
    stages = [4, 8, 16, 32, 64, 128, 256]
    params = [
        number("learning_rate", np.geomspace(0.005, 1, 9), log=True),
        number("max_depth", [1, 2, 3, 5, 8], kind="int"),
        number("subsample", [0.2, 0.4, 0.6, 0.8, 1.0]),
        number("n_estimators", stages, kind="int", log=True),
    ]

    def errors(_: dict[str, str], points: list[dict[str, float]]) -> list[float]:
        found: list[float] = []
        for p in points[:: len(stages)]:
            model = GradientBoostingRegressor(
                learning_rate=p["learning_rate"],
                max_depth=int(p["max_depth"]),
                subsample=p["subsample"],
                n_estimators=stages[-1],
                random_state=0,
            ).fit(x, y)
            staged = list(model.staged_predict(tx))
            found += [min(float(np.mean((staged[n - 1] - ty) ** 2) / np.var(ty)), 10.0) for n in stages]
        return found

    return {
        "params": params,
        "branches": tabulate(params, errors),
        "tags": ["integer", "log", "training"],
        "source": "GradientBoostingRegressor on diabetes",
    }


def mlp_digits() -> Branch:
    x, tx, y, ty = split(datasets.load_digits, most=600)
    params = [
        choice("solver", "adam", "sgd"),
        choice("activation", "relu", "tanh"),
        number("hidden", [4, 8, 16, 32, 64], kind="int", log=True),
        number("batch", [16, 64, 128], kind="ordered"),
        number("learning_rate", np.geomspace(1e-4, 1, 7), log=True),
        number("momentum", [0, 0.5, 0.9, 0.99], when=["solver", ["sgd"]]),
    ]

    def error(chosen: dict[str, str], p: dict[str, float]) -> float:
        model = MLPClassifier(
            hidden_layer_sizes=(int(p["hidden"]),),
            solver=chosen["solver"],
            activation=chosen["activation"],
            batch_size=int(p["batch"]),
            learning_rate_init=p["learning_rate"],
            momentum=p.get("momentum", 0.9),
            max_iter=12,
            random_state=0,
        )
        try:
            return 1 - float(model.fit(x, y).score(tx, ty))
        except ValueError:
            return 1.0  # It diverged.

    return {
        "params": params,
        "branches": tabulate(params, one_by_one(error)),
        "tags": ["mixed", "integer", "log", "conditional", "training"],
        "source": "MLPClassifier on 600 digits, 12 epochs; momentum only with sgd",
    }


def sgd_cancer() -> Branch:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    params = [
        choice("loss", "hinge", "log_loss", "modified_huber"),
        choice("penalty", "l2", "l1", "elasticnet"),
        choice("schedule", "constant", "invscaling", "adaptive"),
        number("alpha", np.geomspace(1e-6, 1e0, 7), log=True),
        number("eta0", np.geomspace(1e-4, 1e1, 6), log=True),
        number("l1_ratio", [0, 0.5, 1], when=["penalty", ["elasticnet"]]),
    ]

    def error(chosen: dict[str, str], p: dict[str, float]) -> float:
        model = SGDClassifier(
            loss=chosen["loss"],
            penalty=chosen["penalty"],
            learning_rate=chosen["schedule"],
            alpha=p["alpha"],
            eta0=p["eta0"],
            l1_ratio=p.get("l1_ratio", 0.15),
            max_iter=5,
            tol=None,
            random_state=0,
        )
        return folded(model, x, y)

    return {
        "params": params,
        "branches": tabulate(params, one_by_one(error)),
        "tags": ["mixed", "log", "conditional", "training"],
        "source": "SGDClassifier on breast cancer, 5 epochs; l1_ratio only with elasticnet",
    }


def knn_digits() -> Branch:
    x, tx, y, ty = split(datasets.load_digits, most=900)
    params = [
        choice("weights", "uniform", "distance"),
        number("components", [2, 4, 7, 12, 20, 32, 48], kind="int", log=True),
        number("p", [1, 1.5, 2, 3, 5]),
        number("n_neighbors", [1, 2, 3, 4, 5, 7, 10, 15, 22, 32], kind="int"),
    ]
    pca = PCA(48, random_state=0).fit(x)

    def error(chosen: dict[str, str], p: dict[str, float]) -> float:
        kept = int(p["components"])
        model = KNeighborsClassifier(int(p["n_neighbors"]), weights=chosen["weights"], p=p["p"], algorithm="brute")
        return 1 - float(model.fit(pca.transform(x)[:, :kept], y).score(pca.transform(tx)[:, :kept], ty))

    return {
        "params": params,
        "branches": tabulate(params, one_by_one(error)),
        "tags": ["mixed", "integer", "log", "training"],
        "source": "KNeighborsClassifier after PCA on 900 digits",
    }


def ridge_diabetes() -> Branch:
    x, tx, y, ty = split(datasets.load_diabetes)
    mean, spread = y.mean(), y.std()
    params = [
        choice("kernel", "rbf", "laplacian", "polynomial"),
        number("alpha", np.geomspace(1e-4, 1e2, 13), log=True),
        number("gamma", np.geomspace(1e-5, 1e1, 13), log=True),
        number("degree", [1, 2, 3, 4], kind="int", when=["kernel", ["polynomial"]]),
        number("coef0", [0, 1, 3], when=["kernel", ["polynomial"]]),
    ]

    def error(chosen: dict[str, str], p: dict[str, float]) -> float:
        options = {name: int(value) if name == "degree" else value for name, value in p.items()}
        model = KernelRidge(kernel=chosen["kernel"], **options).fit(x, (y - mean) / spread)
        return min(float(np.mean((model.predict(tx) - (ty - mean) / spread) ** 2)), 10.0)

    return {
        "params": params,
        "branches": tabulate(params, one_by_one(error)),
        "tags": ["mixed", "log", "conditional", "training"],
        "source": "KernelRidge on diabetes; degree and coef0 only with polynomial",
    }


ALL = (
    svm_digits,
    svm_cancer,
    forest_digits,
    boosting_diabetes,
    mlp_digits,
    sgd_cancer,
    knn_digits,
    ridge_diabetes,
)


def main() -> None:
    warnings.simplefilter("ignore")  # A network that has not converged after 12 epochs is what is measured.
    for make in ALL:
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        began = time.perf_counter()
        document = make() | {"scikit-learn": sklearn.__version__}
        (TABLES / f"{make.__name__}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
        cells = [error for branch in document["branches"] for error in branch["errors"]]
        seconds = time.perf_counter() - began
        print(f"{make.__name__}: {len(cells)} trainings, {seconds:.0f} s, lowest {min(cells)}", flush=True)


if __name__ == "__main__":
    main()
