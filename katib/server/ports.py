"""Ports to listen on."""

import socket

from katib.errors import KatibError


def listen(host: str, port: int, *, option: str) -> socket.socket:
    """A socket that listens. Raises KatibError, which names the `option` to choose another port with."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small answers at once on sockets that say that they are TCP only.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        said = f"cannot listen on {host}:{port}: {error.strerror or error}"
        hint = f"another program may use the port; choose another one with {option}"
        raise KatibError(said, hint=hint) from error
    return listening
