"""`katib suggestion serve`."""

from typing import Annotated

import typer

from katib.config import ServeSettings

DEFAULTS = ServeSettings()

suggestion = typer.Typer(
    help="Algorithms as a service, over Katib's gRPC API.",
    epilog="Example: katib suggestion serve --port 6789",
    no_args_is_help=True,
)


@suggestion.callback()
def _group() -> None:
    """Algorithms as a service, over Katib's gRPC API."""


@suggestion.command("serve")
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free port.")] = (
        DEFAULTS.port
    ),
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on. 0.0.0.0: other machines may ask, too.")
    ] = DEFAULTS.host,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes at most, for algorithms that learn.")
    ] = DEFAULTS.workers,
) -> None:
    """Answer for every installed algorithm over Katib's gRPC API, for any number of experiments, until it is stopped.

    Nothing is encrypted and nobody is asked who they are. SIGTERM and Ctrl-C let open requests end.

    Example: katib suggestion serve --port 6789
    """
    import os

    # gRPC writes lines of its own to stderr, such as for a port in use, which is told in words below.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")

    from katib.rpc import check_installed

    check_installed("`katib suggestion serve`")

    import sys

    from katib.cli.render import say
    from katib.cli.serving import serve as run
    from katib.server.serving import SuggestionServer, open_service

    settings = ServeSettings(host=host, port=port, workers=workers)
    server = SuggestionServer(open_service(settings), settings)

    def started() -> None:
        say(f"katib answers for algorithms on {server.address}; Ctrl-C stops it")
        # Whoever started it through a pipe waits for this line.
        sys.stdout.flush()

    run([server], started)
