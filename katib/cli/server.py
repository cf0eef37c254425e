"""`katib server`."""

from typing import Annotated

import typer

from katib.cli.options import Db


def server(
    db: Db = "",
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen.")] = 8080,
) -> None:
    """Serve studies that clients run: create them, ask for trials, report results, over HTTP.

    Example: katib server --port 8080
    """
    import uvicorn

    from katib.cli.options import store_location
    from katib.server.http.app import create_app
    from katib.service.desk import Desk
    from katib.stores.opening import open_store
    from katib.suggestion import open_suggestions

    suggestions = open_suggestions()
    store = open_store(store_location(db, creating=True))
    try:
        uvicorn.run(create_app(Desk(store, suggestions)), host=host, port=port, access_log=False, log_level="warning")
    finally:
        suggestions.close()
        store.close()
