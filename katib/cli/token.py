"""`katib token`."""

from typing import TYPE_CHECKING, Annotated

import typer

from katib.cli.options import Db, Output, OutputOption
from katib.service.roles import Role

if TYPE_CHECKING:
    from katib.stores.contract import Store, Token

token = typer.Typer(help="Who may use `katib server` from other machines.", no_args_is_help=True)


@token.command("create")
def create(
    role: Annotated[Role, typer.Option("--role", help="admin, user, or trial.")],
    study: Annotated[str, typer.Option("--study", help="Only for this study, by name or uid.")] = "",
    trial: Annotated[int, typer.Option("--trial", min=0, help="Only for this trial of the study.")] = 0,
    note: Annotated[str, typer.Option("--note", help="What it is for, for people.")] = "",
    db: Db = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a token and print it. It is shown this once: the store keeps a digest only.

    Example: katib token create --role user --note laptop
    """
    import json
    import time

    from katib.cli.options import store_location
    from katib.service.access import create_token
    from katib.stores.opening import open_store

    store = open_store(store_location(db, creating=True))
    try:
        text, made = create_token(store, role, study=study, ordinal=trial, note=note, now=time.time())
        shown = _view(store, made)
    finally:
        store.close()
    typer.echo(json.dumps({"token": text, **shown}) if output is Output.JSON else text)


@token.command("list")
def list_tokens(db: Db = "", output: OutputOption = Output.TEXT) -> None:
    """All tokens that are valid, without their secrets.

    Example: katib token list
    """
    import json

    from katib.cli.opened import studies_of

    with studies_of(db) as studies:
        found = [_view(studies.store, each) for each in studies.store.tokens()]
    if output is Output.JSON:
        typer.echo(json.dumps(found))
        return
    for each in found:
        scope = f" study {each['study'] or '(deleted)'}" if each["study_uid"] else ""
        scope += f" trial {each['trial']}" if each["trial"] else ""
        typer.echo(f"{each['id']}  {each['role']}{scope}  {each['created']}  {each['note']}".rstrip())


@token.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `katib token list` shows it.", show_default=False)],
    db: Db = "",
) -> None:
    """Make a token invalid; servers notice within seconds.

    Example: katib token revoke 1f2e3d4c5b6a
    """
    from katib.cli.opened import studies_of

    with studies_of(db) as studies:
        studies.store.delete_token(token_id)


def _view(store: "Store", made: "Token") -> dict[str, object]:
    from katib.errors import NotFound
    from katib.service.studies import find_study
    from katib.service.views import moment

    try:
        study = find_study(store, made.study_uid).name if made.study_uid else None
    except NotFound:
        study = None
    return {
        "id": made.id,
        "role": made.role,
        "study": study,
        "study_uid": made.study_uid or None,
        "trial": made.ordinal or None,
        "note": made.note,
        "created": moment(made.created_at),
    }
