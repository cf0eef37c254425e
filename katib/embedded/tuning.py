"""`tune`: finds good arguments for a Python function, each trial in a process of its own."""

import hashlib
import inspect
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from katib.config import from_environment
from katib.core.names import STUDY_NAME_LIMIT, TRIAL_ALPHABET
from katib.core.space import as_number
from katib.embedded.progress import LineProgress
from katib.embedded.result import Result, result_of
from katib.embedded.session import Session
from katib.embedded.starting import start
from katib.errors import Fault, InvalidInput
from katib.function_trial import as_keywords, save
from katib.spec.quick import experiment_from_command

Space = str | Sequence[Any]
"""`float:LO:HI[:STEP]`, `log:LO:HI`, `int:LO:HI[:STEP]`, `logint:LO:HI`, or a list of values of any kind.

A text may also be `VALUE,VALUE,…`, and may end in `@OTHER=VALUE,…`: the parameter is active only while OTHER has one of
these values.
"""


def tune(  # noqa: PLR0913 - each is a documented argument
    fn: Callable[..., Any],
    parameters: Mapping[str, Space],
    *,
    objective: str | None = None,
    direction: str | None = None,
    objectives: Mapping[str, str] | None = None,
    algorithm: str = "auto",
    max_trials: int = 50,
    parallel: int = 4,
    goal: float | Mapping[str, float] | None = None,
    early_stopping: str | None = None,
    name: str | None = None,
    db: str | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Result:
    """Try `fn` on up to `max_trials` assignments, `parallel` at a time, and return what was found.

    Each trial runs in a process of its own, so `fn` may use all of a library's global state, crash, or leak; a raised
    exception fails that trial only. `fn` may be defined in a notebook.

    Args:
        fn: gets the parameters as keywords when it names them, else as one dict. What it returns is the objective (a
            number) or several metrics (a dict); None when it reports by `katib.report(loss=…, step=…)` itself.
        parameters: name -> its space: a text as on the command line (`log:1e-5:1e-1`), or a list of values, which may
            be any objects that pickle. With `@optimizer=sgd` behind such a text `fn` gets the parameter only in trials
            in which optimizer is sgd.
        objective, direction: the metric to optimise, `loss` by default, and `minimize`, the default, or `maximize`.
        objectives: several metrics, each with its direction: `{"loss": "minimize", "accuracy": "maximize"}`. Then `fn`
            returns a dict with all of them, and `Result.front` has the trials that no other one beats.
        algorithm: a name that `katib algorithms` lists; `auto` takes one that fits.
        max_trials: how many trials to run in all.
        parallel: how many of them at a time.
        early_stopping: what ends hopeless trials early, as on the command line: `medianstop`, or with settings
            `medianstop:start_step=5,min_trials_required=4`. `fn` must report by `katib.report(loss=…, step=…)`.
        goal: stop as soon as the objective reaches it; None for no goal. With several objectives metric -> goal, and it
            takes one trial that reaches them all.
        name: the study's name; by default the function's with four letters, so that each call is a study of its own.
            A name that exists continues that study.
        db: the store; by default $KATIB_DB, else ./katib.db.
        settings: the algorithm's settings.
        progress: a line on stderr for each finished trial.

    Raises:
        InvalidInput: the parameters or settings cannot be used; every fault is named.
        AlreadyExists: `name` belongs to a study with another specification.
        KeyboardInterrupt: after the running trials were stopped; it says how to go on. A second one kills them.
    """
    if not callable(fn):
        fault = Fault(path="fn", given=repr(fn), wanted="must be a function of the parameters")
        raise InvalidInput([fault], what="tune")
    engine = from_environment(os.environ)
    location = db or engine.store or str(Path.cwd() / "katib.db")
    folder = Path.cwd() if "://" in location else Path(location).expanduser().resolve().parent
    run_root = folder / "katib-runs"
    spaces, values = _spaces(parameters)
    _check_call(fn, parameters)
    wanted = _objectives(objective, direction, objectives)
    payload = _save(fn, objectives=tuple(wanted), values=values, folder=run_root)
    study_name = name or _name_for(fn)
    words = [sys.executable, "-m", "katib.function_trial", str(payload), *(f"{key}={{{key}}}" for key in parameters)]
    with Session(location, engine) as session:
        with _in_words_of_tune():
            document = experiment_from_command(
                name=study_name,
                params=spaces,
                command=words,
                objectives=wanted,
                goals=_goals(goal, wanted),
                algorithm=algorithm,
                early_stopping=early_stopping,
                max_trials=max_trials,
                parallel=min(parallel, max(max_trials, 1)),
            )
            _complete(document, settings=settings)
            started = start(session, document, lines=None, run_root=run_root, workdir=Path.cwd())
        with _stream(progress) as stream, LineProgress(stream, started.study) as shown:
            stream.writelines(f"note: {note}\n" for note in started.notes)
            study = started.study
            if not study.condition.concluded:
                study = _run(session, study_name, shown)
        return result_of(session.store, study, values)


@contextmanager
def _in_words_of_tune() -> Iterator[None]:
    """Faults are told of tune's arguments, which a command line and an Experiment were made of."""
    try:
        yield
    except InvalidInput as error:
        faults = [replace(fault, path=_argument(fault.path), line=None) for fault in error.faults]
        # Where in the engine it was found is of no use to who called.
        raise InvalidInput(faults, what="tune") from None


def _argument(path: str) -> str:
    """What in a call of tune a path of the command line or of an Experiment stands for."""
    if path.startswith("--param "):
        name = path.removeprefix("--param ").partition("=")[0]
        return f"parameters[{name!r}]"
    for prefix, argument in _ARGUMENTS.items():
        if path.startswith(prefix):
            return argument
    return path


_ARGUMENTS = {
    "--early-stopping": "early_stopping",
    "--algorithm": "algorithm",
    "spec.algorithm.algorithmName": "algorithm",
    "spec.algorithm.algorithmSettings": "settings",
    "spec.earlyStopping": "early_stopping",
    "spec.maxTrialCount": "max_trials",
    "spec.parallelTrialCount": "parallel",
    "spec.objective.goal": "goal",
    "spec.objective.type": "direction",
    "spec.objective.objectiveMetricName": "objective",
    "spec.objectives": "objectives",
    "metadata.name": "name",
}


def _run(session: Session, name: str, shown: LineProgress) -> Any:
    try:
        return session.run(name, shown.update)
    except KeyboardInterrupt:
        # Stopping takes as long as the trials' grace; a second interrupt ends even that.
        session.interrupt(name)
        try:
            session.run(name)
        except KeyboardInterrupt:
            session.kill(name)
        # The last line of what Python prints of it.
        raise KeyboardInterrupt(f"`katib resume {name}` goes on, and so does tune with name={name!r}") from None


def _objectives(
    objective: str | None, direction: str | None, objectives: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Metric -> direction. Raises InvalidInput when it is no mapping, or both forms are used."""
    if objectives is None:
        return {objective or "loss": direction or "minimize"}
    named = isinstance(objectives, Mapping) and all(isinstance(metric, str) for metric in objectives)
    if named and objective is None and direction is None:
        return objectives
    wanted = (
        "either objectives={METRIC: DIRECTION, …}, or objective= and direction= for one"
        if named
        else "a mapping, metric -> `minimize` or `maximize`"
    )
    raise InvalidInput([Fault(path="objectives", given=repr(objectives), wanted=wanted)], what="tune")


def _goals(goal: float | Mapping[str, float] | None, objectives: Mapping[str, str]) -> Mapping[str, float]:
    if goal is None or isinstance(goal, Mapping):
        return goal or {}
    if len(objectives) == 1:
        return dict.fromkeys(objectives, goal)
    wanted = f"with several objectives a mapping, metric -> goal, for some of {', '.join(objectives)}"
    raise InvalidInput([Fault(path="goal", given=repr(goal), wanted=wanted)], what="tune")


def _spaces(parameters: Mapping[str, Space]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The parameters as the command line writes them, and the objects that list items' texts stand for."""
    texts: list[str] = []
    values: dict[str, dict[str, Any]] = {}
    faults: list[Fault] = []
    for name, space in parameters.items():
        if isinstance(space, str) and ":" in space:
            texts.append(f"{name}={space}")
        elif isinstance(space, str) and "," in space:
            listed = space.partition("@")[0]
            values[name] = {text: as_number(text) for text in listed.split(",")}
            texts.append(f"{name}={space}")
        elif isinstance(space, tuple) and len(space) == 2 and all(isinstance(end, int | float) for end in space):
            # Elsewhere a pair of numbers is a range.
            low, high = space
            kind = "int" if isinstance(low, int) and isinstance(high, int) else "float"
            hint = f'the range between them is "{kind}:{low}:{high}", the two values are [{low}, {high}]'
            wanted = "a range or a list of values: a pair of numbers could be either"
            faults.append(Fault(path=f"parameters[{name!r}]", given=repr(space), wanted=wanted, hint=hint))
        elif isinstance(space, Sequence) and not isinstance(space, str) and space:
            values[name] = _texts_of(space)
            texts.append(f"{name}={','.join(values[name])}")
        else:
            wanted = (
                "must be float:LO:HI[:STEP], log:LO:HI, int:LO:HI[:STEP], logint:LO:HI or a list of values; "
                "a text may end in @OTHER=VALUE,…"
            )
            faults.append(Fault(path=f"parameters[{name!r}]", given=repr(space), wanted=wanted))
    if not parameters:
        wanted = "at least one: what may be tried for each argument of the function"
        faults.append(Fault(path="parameters", given=repr(parameters), wanted=wanted, hint='{"lr": "log:1e-5:1e-1"}'))
    if faults:
        raise InvalidInput(faults, what="tune")
    return texts, values


def _check_call(fn: Callable[..., Any], parameters: Mapping[str, Space]) -> None:
    """That the function can be called as its trials will call it; else each of them would fail. Raises InvalidInput."""
    keywords = as_keywords(fn, parameters)
    try:
        signature = inspect.signature(fn)
        if keywords:
            always = [name for name, space in parameters.items() if not (isinstance(space, str) and "@" in space)]
            signature.bind(**dict.fromkeys(parameters))
            signature.bind(**dict.fromkeys(always))
        else:
            signature.bind({})
    except ValueError:
        return
    except TypeError as error:
        names = ", ".join(parameters)
        wanted = f"a function of {names}, or of one dict; a parameter with @ needs a default in it"
        given = f"{getattr(fn, '__name__', 'fn')}{signature}: {error}"
        raise InvalidInput([Fault(path="fn", given=given, wanted=wanted)], what="tune") from None


def _texts_of(items: Sequence[Any]) -> dict[str, Any]:
    """A text that stands for each item: its own when that is plain and not taken (1 and "1"), else one made from it."""
    texts: dict[str, Any] = {}
    for item in items:
        plain = str(item)
        made = f"item-{hashlib.sha256(repr(item).encode()).hexdigest()[:8]}"
        texts[plain if re.fullmatch(r"[\w.+-]+", plain) and plain not in texts else made] = item
    return texts


def _save(
    fn: Callable[..., Any], *, objectives: Sequence[str], values: dict[str, dict[str, Any]], folder: Path
) -> Path:
    """Write the function under a name made from its content: the same function again is the same file."""
    functions = folder / ".functions"
    functions.mkdir(parents=True, exist_ok=True)
    path = functions / f"{secrets.token_hex(8)}.pkl"
    try:
        save(path, fn, objectives=objectives, values=values)
    except Exception as error:
        # cloudpickle raises what the objects raise that it meets.
        wanted = "a function that can be sent to another process; it, or something that it uses from outside, cannot"
        hint = "make such things inside the function, or at the top of a module"
        fault = Fault(path="fn", given=f"{getattr(fn, '__name__', fn)}: {error}", wanted=wanted, hint=hint)
        raise InvalidInput([fault], what="tune") from error
    final = functions / f"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.pkl"
    path.replace(final)
    return final


def _name_for(fn: Callable[..., Any]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", getattr(fn, "__name__", "study").lower()).strip("-")
    stem = stem if stem[:1].isalpha() else "study"
    suffix = "".join(secrets.choice(TRIAL_ALPHABET) for _ in range(4))
    return f"{stem[: STUDY_NAME_LIMIT - 5].rstrip('-')}-{suffix}"


def _complete(document: dict[str, Any], *, settings: Mapping[str, Any] | None) -> None:
    """What the command line has no word for."""
    spec = document["spec"]
    if settings:
        spec["algorithm"]["algorithmSettings"] = [{"name": key, "value": str(value)} for key, value in settings.items()]
    # What the function returns is reported last, and that is what counts, whatever it reported on the way.
    for objective in spec.get("objectives") or [spec["objective"]]:
        objective["metricStrategies"] = [{"name": objective["objectiveMetricName"], "value": "latest"}]
    spec["metricsCollectorSpec"] = {"collector": {"kind": "Push"}}


def _stream(progress: bool) -> AbstractContextManager[TextIO]:
    """Where progress goes; closed afterwards if it was opened for that."""
    return nullcontext(sys.stderr) if progress else Path(os.devnull).open("w")
