"""A client without a server, and one with; both have the same studies."""

from collections.abc import Iterator

import pytest

from katib.client import Client
from katib.client.remote import RemoteDesk
from katib.embedded.desk import EmbeddedDesk
from katib.server.http.app import create_app
from katib.testing.clients import Open
from katib.testing.http import serving


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDesk]:
    with EmbeddedDesk(str(tmp_path_factory.mktemp("client") / "katib.db")) as desk:
        yield desk


@pytest.fixture(scope="package")
def address(shared: EmbeddedDesk) -> Iterator[str]:
    with serving(create_app(shared.desk)) as address:
        yield address


@pytest.fixture(params=["embedded", "server"])
def client(request: pytest.FixtureRequest, shared: EmbeddedDesk, address: str) -> Iterator[Client]:
    desk = Open(shared) if request.param == "embedded" else RemoteDesk(address)
    with Client(desk=desk) as client:
        yield client
        for study in client.list_studies():
            study.delete()
