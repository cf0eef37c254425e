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
from katib.cli.resume import resume
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
app.command("run")(run_command)
app.command("resume")(resume)
app.command("list")(list_studies)
app.command("show")(show)
app.command("trials")(trials)
app.command("logs")(logs)
app.command("explain")(explain)
app.command("stop")(stop)
app.command("delete")(delete)
app.command("export")(export)
app.command("validate")(validate)
app.command("server")(server)
app.add_typer(token, name="token")
app.add_typer(suggestion, name="suggestion")
app.command("algorithms")(algorithms)


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
