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
    auth: Annotated[bool, typer.Option("--auth", help="Ask for a token on this machine, too.")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Ask nobody for a token, on any address.")] = False,
    tls_cert: Annotated[str, typer.Option("--tls-cert", help="A certificate in PEM: serve HTTPS.")] = "",
    tls_key: Annotated[str, typer.Option("--tls-key", help="The certificate's key in PEM.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="No line in the log for each request.")] = False,
) -> None:
    """Serve studies that clients run: create them, ask for trials, report results, over HTTP.

    SIGTERM and Ctrl-C let open requests end; a second one does not wait for them.

    Example: katib server --port 8080
    """
    from katib.rpc import check_installed

    check_installed("`katib server`")

    import logging
    import signal
    import threading

    from katib.cli.options import settings_of, store_location
    from katib.cli.render import say
    from katib.server.http.app import create_app
    from katib.server.loglines import log_lines
    from katib.server.running import HttpServer, check_protected
    from katib.service.desk import Desk
    from katib.stores.opening import open_store
    from katib.suggestion import open_suggestions

    settings = ServerSettings(host=host, port=port, tls_cert=tls_cert, tls_key=tls_key)
    store = open_store(store_location(db, creating=True))
    try:
        authenticated = check_protected(store, settings, asked=auth, insecure=insecure)
        suggestions = open_suggestions(settings_of().suggestion)
        try:
            http = HttpServer(create_app(Desk(store, suggestions), settings, authenticated=authenticated), settings)
            log_lines()
            if quiet:
                logging.getLogger("katib.server.requests").setLevel(logging.WARNING)
            stopping = threading.Event()

            def on_signal(_number: int, _frame: object) -> None:
                # The second one does not wait. Not here itself: a handler must not wait for threads.
                if stopping.is_set():
                    http.hurry()
                stopping.set()

            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, on_signal)
            http.start()
            asks = "a token is asked for" if authenticated else "nobody is asked for a token"
            say(f"serving studies at {http.address} ({asks}); Ctrl-C stops")
            while not stopping.wait(1.0):
                pass
            http.stop()
        finally:
            suggestions.close()
    finally:
        store.close()
