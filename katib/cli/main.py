"""The `katib` command. Commands import what they need when they run, so that `katib --help` stays quick."""

import sys

import typer

from katib.cli.algorithms import algorithms
from katib.cli.delete import delete
from katib.cli.explain import explain
from katib.cli.export import export
from katib.cli.hints import complete
from katib.cli.listing import list_studies
from katib.cli.logs import logs
from katib.cli.operator import operator
from katib.cli.resume import resume
from katib.cli.run import RunCommand
from katib.cli.run import run as run_command
from katib.cli.server import server
from katib.cli.show import show
from katib.cli.stop import stop
from katib.cli.suggestion import suggestion
from katib.cli.token import token
from katib.cli.trials import trials
from katib.cli.validate import validate
from katib.errors import AlgorithmUnknown, AlreadyExists, InvalidInput, KatibError, LeaseHeld, NotFound

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
BAD_INPUT_ERRORS = (InvalidInput, NotFound, AlreadyExists, AlgorithmUnknown, LeaseHeld)

app = typer.Typer(
    name="katib",
    help="Find good hyperparameters: run an experiment's trials on this machine and keep every result.",
    epilog="Example: katib run examples/quickstart/experiment.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", cls=RunCommand, short_help="Run an Experiment, or a command with --param.")(run_command)
app.command("resume", short_help="Go on with a study, or extend it.")(resume)
app.command("list", short_help="List all studies in the store.")(list_studies)
app.command("show", short_help="Show a study and its best trial, or one trial.")(show)
app.command("trials", short_help="List the trials of a study.")(trials)
app.command("logs", short_help="Print what a trial printed.")(logs)
app.command("explain", short_help="Say what a study is doing, and why.")(explain)
app.command("stop", short_help="Stop a study cleanly.")(stop)
app.command("delete", short_help="Delete a study with all its results.")(delete)
app.command("export", short_help="Print the results as CSV or JSON.")(export)
app.command("validate", short_help="Check an Experiment file.")(validate)
app.command("server")(server)
app.command("operator", short_help="Carry the Experiments of a Kubernetes cluster.")(operator)
app.add_typer(token, name="token")
app.add_typer(suggestion, name="suggestion")
app.command("algorithms", short_help="List algorithms and their settings.")(algorithms)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("katib-engine"))
        raise typer.Exit


def run() -> None:
    """Run the command line; every error on purpose becomes one message on stderr and an exit code."""
    try:
        app()
    except KatibError as error:
        sys.stderr.write(complete(f"katib: {error}\n"))
        sys.exit(BAD_INPUT if isinstance(error, BAD_INPUT_ERRORS) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # `katib trials … | head`: the reader has enough. Closing stderr keeps the interpreter from complaining too.
        sys.stderr.close()
        sys.exit(FAILED)


if __name__ == "__main__":
    run()
