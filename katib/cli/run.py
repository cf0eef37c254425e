"""`katib run`."""

import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from katib.cli.options import (
    NUMBER,
    Db,
    Endpoints,
    MaxStale,
    MaxTime,
    Output,
    OutputOption,
    StoppingEndpoints,
    at_least,
    run_root,
    seconds_of,
    settings_of,
    store_location,
)
from katib.cli.quick import from_command, objectives_in
from katib.config import Settings
from katib.errors import AlreadyExists, Fault, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from katib.embedded.starting import Started
    from katib.runners.kubernetes import Cluster

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE | -- COMMAND...",
        help="An Experiment file (YAML or JSON), or after -- the command to tune, with {name} where a --param goes.",
        show_default=False,
    ),
]
OBJECTIVES = "katib.objectives"


class Where(StrEnum):
    """Where trials run."""

    HERE = "here"
    KUBERNETES = "kubernetes"


class RunCommand(TyperCommand):
    """Remembers in what order --minimize and --maximize were given: that is the order of the objectives."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        ctx.meta[OBJECTIVES] = list(objectives_in(args))
        return super().parse_args(ctx, args)


def run(  # noqa: PLR0913 - each is a documented option of the command line
    ctx: typer.Context,
    words: Words = None,
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="The study's name; the file's own by default.", show_default=False)
    ] = None,
    max_trials: Annotated[
        int | None,
        typer.Option(
            "--max-trials", parser=at_least(1), metavar=NUMBER, help="Run this many trials.", show_default=False
        ),
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option(
            "--parallel", parser=at_least(1), metavar=NUMBER, help="Run this many trials at a time.", show_default=False
        ),
    ] = None,
    max_time: MaxTime = None,
    max_stale: MaxStale = None,
    db: Db = "",
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="Change a field of the file: spec.algorithm.algorithmName=tpe."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--detach", help="Watch it run, or leave it running in the background.")
    ] = True,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=SPACE",
            help="float:LO:HI[:STEP], log:LO:HI, int:LO:HI[:STEP], logint:LO:HI, or a list a,b,c. Behind it "
            "@OTHER=a,b when it matters only while OTHER is a or b. Repeatable.",
        ),
    ] = None,
    minimize: Annotated[
        list[str] | None,
        typer.Option("--minimize", metavar="METRIC", help="A metric to minimise. Repeatable: several objectives."),
    ] = None,
    maximize: Annotated[
        list[str] | None,
        typer.Option("--maximize", metavar="METRIC", help="A metric to maximise. Repeatable, beside --minimize too."),
    ] = None,
    goals: Annotated[
        list[str] | None,
        typer.Option(
            "--goal",
            metavar="[METRIC=]VALUE",
            help="End the study when the metric reaches this; of several goals, when one trial reaches all.",
        ),
    ] = None,
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm",
            metavar="NAME[:KEY=VALUE,...]",
            help="A name that `katib algorithms` lists; auto, which takes one that fits, when absent.",
        ),
    ] = "",
    early_stopping: Annotated[
        str,
        typer.Option(
            "--early-stopping",
            metavar="NAME[:KEY=VALUE,...]",
            help="End hopeless trials early: medianstop, asha, threshold or patience, with its settings.",
        ),
    ] = "",
    endpoints: Endpoints = None,
    stopping_endpoints: StoppingEndpoints = None,
    trial_time: Annotated[
        float | None,
        typer.Option(
            "--trial-time",
            metavar="TIME",
            parser=seconds_of,
            help="With --param: end a trial that runs longer (90s, 30m, 1.5h, 2d); it has failed.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        str, typer.Option("--image", help="With --param: the image in which a cluster runs the command.")
    ] = "",
    on: Annotated[
        Where, typer.Option("--on", help="Run trials as processes here, or as Jobs of a cluster.")
    ] = Where.HERE,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="With --on kubernetes: where; the context's own by default.")
    ] = "",
    context: Annotated[
        str, typer.Option("--context", help="With --on kubernetes: of the kubeconfig; the current one by default.")
    ] = "",
    print_yaml: Annotated[
        bool, typer.Option("--print-yaml", help="Print the Experiment it would run, and leave.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run an Experiment's trials on this machine until its budget is spent or its goal is reached.

    Ctrl-C stops it cleanly and says how to resume; twice kills it. The same file again continues it.

    \b
    Examples:
      katib run experiment.yaml --parallel 4 --max-time 2h
      katib run --param lr=log:1e-5:1e-1 --param opt=sgd,adam --minimize loss -- python train.py --lr={lr} --opt={opt}
      katib run experiment.yaml --on kubernetes --namespace tuning
      katib run --param depth=int:1:9 --maximize accuracy --minimize seconds -- python train.py --depth={depth}
    """  # noqa: D301 - the formatter of help wants the very character
    from katib.spec.loading import apply_sets
    from katib.spec.quick import strays, to_yaml

    if name == "":
        raise InvalidInput([Fault(path="--name", given="''", wanted="a name")], what="the command line")
    words = words or []
    if params:
        document, lines = (
            from_command(
                words,
                params,
                name,
                ctx.meta[OBJECTIVES],
                goals or [],
                algorithm,
                early_stopping,
                max_trials,
                parallel,
                image,
                trial_time,
            ),
            None,
        )
        workdir = Path.cwd()
        for note in strays(words, params):
            sys.stderr.write(f"note: {note}\n")
    else:
        given = {
            "--minimize": minimize,
            "--maximize": maximize,
            "--goal": goals,
            "--algorithm": algorithm,
            "--early-stopping": early_stopping,
            "--trial-time": trial_time,
        }
        document, lines, workdir = _from_file(words, [option for option, value in given.items() if value])
        _override(document, name=name, max_trials=max_trials, parallel=parallel)
    _limit(document, {"maxSeconds": max_time, "maxStaleTrialCount": max_stale})
    if sets:
        document = apply_sets(document, sets)
    if print_yaml:
        if faults := getattr(document, "faults", ()):
            raise InvalidInput(faults, what=words[0])
        typer.echo(to_yaml(document), nl=False)
        _warn_of(document)
        return
    settings = settings_of(endpoints, stopping_endpoints)
    named = not params or bool(name) or any(each.startswith("metadata.name=") for each in sets or [])
    place = _cluster(on, context, namespace)
    _start(document, lines, settings, workdir=workdir, db=db, output=output, follow=follow, named=named, cluster=place)


def _cluster(on: Where, context: str, namespace: str) -> "Cluster | None":
    """The cluster that is named; None for this machine. Raises InvalidInput."""
    if on is Where.HERE:
        given = [option for option, value in (("--context", context), ("--namespace", namespace)) if value]
        if given:
            fault = Fault(path=given[0], wanted="only with --on kubernetes")
            raise InvalidInput([fault], what="the command line")
        return None
    if find_spec("kubernetes") is None:
        fault = Fault(
            path="--on",
            given="kubernetes",
            wanted="the client of the API",
            hint="pip install 'katib-engine[kubernetes]'",
        )
        raise InvalidInput([fault], what="the command line")
    from katib.runners.kubernetes import connect

    return connect(context, namespace)


def _warn_of(document: dict[str, Any]) -> None:
    """Say what is likely a mistake in an Experiment that is only printed. What is wrong with it is for `validate`."""
    from katib.cli.render import note
    from katib.spec.cluster import likely_mistakes
    from katib.spec.prepare import prepare

    try:
        prepared = prepare(document)
    except InvalidInput as error:
        note(f"katib: {error}")
        return
    for warning in likely_mistakes(prepared):
        note(f"note: {warning}")


def _start(
    document: dict[str, Any],
    lines: Any,
    settings: Settings,
    *,
    workdir: Path,
    db: str,
    output: Output,
    follow: bool,
    named: bool,
    cluster: "Cluster | None",
) -> None:
    from katib.cli.watching import detach, watch
    from katib.embedded.session import Session
    from katib.embedded.starting import start

    location = store_location(db, creating=True)
    with Session(location, settings) as session:
        begin = partial(start, session, lines=lines, run_root=run_root(location), workdir=workdir, cluster=cluster)
        opened = begin(document) if named else _under_a_free_name(begin, document)
        if follow:
            code = watch(session, opened, output=output)
    if not follow:
        code = detach(opened.study, location, output, settings)
    raise typer.Exit(code)


def _under_a_free_name(begin: "Callable[[dict[str, Any]], Started]", document: dict[str, Any]) -> "Started":
    """Nobody chose the name: when another study has it, this one gets a number behind it, or goes on under that."""
    from dataclasses import replace
    from itertools import count

    name = document["metadata"]["name"]
    for number in count(1):
        document["metadata"]["name"] = name if number == 1 else f"{name}-{number}"
        try:
            started = begin(document)
        except AlreadyExists:
            continue
        if number == 1:
            return started
        taken = f"other studies are named {name}: this one is {document['metadata']['name']}; --name gives it another"
        return replace(started, notes=(taken, *started.notes))
    raise AssertionError("count() has no end")


def _from_file(words: list[str], given: list[str]) -> tuple[dict[str, Any], Any, Path]:
    """The document of a file. `given`: options that were given and go with a command only."""
    from katib.spec.loading import load_file

    if given:
        fault = Fault(path=given[0], wanted="goes with --param and a command; for a file use --set PATH=VALUE")
        raise InvalidInput([fault], what="the command line")
    if len(words) != 1:
        wanted = "exactly one Experiment file, or --param options and a command after --"
        hint = "for example `katib run experiment.yaml`"
        raise InvalidInput(
            [Fault(path="FILE", given=shlex.join(words), wanted=wanted, hint=hint)], what="the command line"
        )
    loaded = load_file(Path(words[0]))
    return loaded, loaded.lines, Path(words[0]).resolve().parent


def _limit(document: dict[str, Any], limits: Mapping[str, float | None]) -> None:
    spec = document.get("spec")
    if isinstance(spec, dict):
        spec.update({field: limit for field, limit in limits.items() if limit is not None})


def _override(document: dict[str, Any], *, name: str | None, max_trials: int | None, parallel: int | None) -> None:
    if name:
        document.setdefault("metadata", {})["name"] = name
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return
    if max_trials is not None:
        spec["maxTrialCount"] = max_trials
        # What the file says of width and failures may be more than the few trials asked for here; no reason to refuse.
        for field in ("parallelTrialCount", "maxFailedTrialCount"):
            written = spec.get(field)
            if isinstance(written, int) and written > max_trials:
                spec[field] = max_trials
    if parallel is not None:
        spec["parallelTrialCount"] = parallel
