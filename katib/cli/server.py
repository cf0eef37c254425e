"""`katib server`."""

from typing import Annotated

import typer

from katib.cli.options import Db
from katib.config import ServerSettings

DEFAULTS = ServerSettings()


def server(
    db: Db = "",
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on. 0.0.0.0: other machines may ask, with a token.")
    ] = DEFAULTS.host,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free port.")] = (
        DEFAULTS.port
    ),
    grpc_port: Annotated[
        int | None,
        typer.Option(
            "--grpc-port",
            min=0,
            max=65535,
            show_default=str(DEFAULTS.grpc_port),
            help="Where gRPC listens (Vizier's API, Katib's DBManager and Suggestion); free if --port 0.",
        ),
    ] = None,
    open_grpc: Annotated[
        bool,
        typer.Option("--open-grpc", help="Serve gRPC to other machines, too: its clients have no tokens to send."),
    ] = False,
    require_trial_token: Annotated[
        bool,
        typer.Option("--require-trial-token", help="Take reports over gRPC only with a token of `katib token create`."),
    ] = False,
    auth: Annotated[bool, typer.Option("--auth", help="Ask for a token on this machine, too.")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Ask nobody for a token, on any address.")] = False,
    tls_cert: Annotated[str, typer.Option("--tls-cert", help="A certificate in PEM: serve HTTPS.")] = "",
    tls_key: Annotated[str, typer.Option("--tls-key", help="The certificate's key in PEM.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="No line in the log for each request.")] = False,
) -> None:
    """Serve studies that clients run: create them, ask for trials, report results, over HTTP and gRPC.

    SIGTERM and Ctrl-C let open requests end; a second one does not wait for them.

    \b
    Examples:
      katib server --port 8080
      katib server --host 0.0.0.0 --open-grpc
      katib server --host 0.0.0.0 --open-grpc --require-trial-token
    """  # noqa: D301 - the formatter of help wants the very character
    from katib.rpc import check_installed

    check_installed("`katib server`")

    import logging

    from katib.cli.options import settings_of, store_location
    from katib.cli.render import say
    from katib.cli.serving import Serving, serve
    from katib.server.http.app import create_app
    from katib.server.loglines import log_lines
    from katib.server.running import HttpServer, check_protected, is_loopback
    from katib.server.studies import open_study_server
    from katib.service.desk import Desk
    from katib.stores.opening import open_store
    from katib.suggestion import open_suggestions
    from katib.suggestion.early_stopping import open_early_stopping

    if grpc_port is None:
        grpc_port = DEFAULTS.grpc_port if port else 0
    settings = ServerSettings(host=host, port=port, grpc_port=grpc_port, tls_cert=tls_cert, tls_key=tls_key)
    store = open_store(store_location(db, creating=True))
    try:
        authenticated = check_protected(store, settings, asked=auth, insecure=insecure)
        found = settings_of()
        stopping = open_early_stopping(found.early_stopping)
        suggestions = open_suggestions(found.suggestion)
        try:
            desk = Desk(store, suggestions, stopping=stopping)
            http = HttpServer(create_app(desk, settings, authenticated=authenticated), settings)
            asks = "a token is asked for" if authenticated else "nobody is asked for a token"
            said = f"serving studies at {http.address} ({asks})"
            servers: list[Serving] = [http]
            # Its clients send no credentials: where others reach it, or a token is needed, somebody has to ask for it.
            if open_grpc or (is_loopback(host) and not authenticated):
                grpc = open_study_server(desk, settings, require_trial_token=require_trial_token)
                servers.append(grpc)
                said += f", over gRPC at {grpc.address}"
            else:
                said += "; gRPC is closed, --open-grpc opens it"
            log_lines()
            if quiet:
                logging.getLogger("katib.server.requests").setLevel(logging.WARNING)
            serve(servers, lambda: say(f"{said}; Ctrl-C stops"))
        finally:
            suggestions.close()
            stopping.close()
    finally:
        store.close()
