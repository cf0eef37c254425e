"""Names of services: answers NAME.NAMESPACE.svc.cluster.local with the service's address, all else with "no such name".

In place of CoreDNS: enough for tests, and nothing to build.
"""

import contextlib
import socket
import struct
import threading

from .api import get
from .places import INSIDE

_SUFFIX = ["svc", "cluster", "local"]
_NO_SUCH_NAME, _FAILED = 3, 2
_A, _IN, _SECONDS = 1, 1, 5


def serve_in_background() -> None:
    """Answer on the node's address, UDP port 53."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((INSIDE, 53))
    threading.Thread(target=_serve, args=[server], daemon=True).start()


def _serve(server: socket.socket) -> None:
    while True:
        query, client = server.recvfrom(512)
        # Whatever a pod sends, the next one is answered.
        with contextlib.suppress(OSError, IndexError, struct.error, UnicodeDecodeError):
            server.sendto(_answer(query), client)


def _answer(query: bytes) -> bytes:
    labels, position = [], 12
    while query[position]:
        labels.append(query[position + 1 : position + 1 + query[position]].decode().lower())
        position += 1 + query[position]
    question = query[12 : position + 5]
    wanted = struct.unpack(">H", query[position + 1 : position + 3])[0]
    code, address = _address(labels)
    record = b""
    if address and wanted == _A:
        # 0xc00c points back to the question's name.
        record = struct.pack(">HHHIH", 0xC00C, _A, _IN, _SECONDS, 4) + socket.inet_aton(address)
    flags = 0x8580 | code  # an answer, authoritative, recursion available so that resolvers do not complain
    return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if record else 0, 0, 0) + question + record


def _address(labels: list[str]) -> tuple[int, str]:
    if len(labels) != 5 or labels[2:] != _SUFFIX:
        return _NO_SUCH_NAME, ""
    try:
        address = get(f"/api/v1/namespaces/{labels[1]}/services/{labels[0]}")["spec"]["clusterIP"]
    except OSError as error:
        return (_NO_SUCH_NAME if getattr(error, "code", None) == 404 else _FAILED), ""
    return 0, "" if address == "None" else address
