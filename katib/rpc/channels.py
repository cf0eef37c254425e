"""Connections: how long a message may be, and how to wait for a server without waiting for ever."""

import grpc

MESSAGE_LIMIT = 64 * 1024 * 1024
"""Bytes of a message, both ways. gRPC's own 4 MiB are a record of 5,000 trials of 20 parameters; this is 80,000."""

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
)


def open_channel(endpoint: str) -> grpc.Channel:
    """A connection to `host:port`, made when it is first used. Plaintext, as Katib's services speak it."""
    # Seconds, in ms: a server that comes back is found soon. Proxies of the environment are for other hosts than these.
    options = (*OPTIONS, ("grpc.max_reconnect_backoff_ms", 2000), ("grpc.enable_http_proxy", 0))
    return grpc.insecure_channel(endpoint, options=options)


def is_ready(channel: grpc.Channel, seconds: float) -> bool:
    """Wait until somebody answers at the other end; False when nobody does after so many seconds."""
    future = grpc.channel_ready_future(channel)
    try:
        future.result(timeout=seconds)
    except grpc.FutureTimeoutError:
        future.cancel()
        return False
    return True
