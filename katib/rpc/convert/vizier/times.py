"""Times and durations: seconds as a float <-> seconds and nanoseconds."""

from google.protobuf import duration_pb2, timestamp_pb2

NANOS = 1_000_000_000


def write_time(message: timestamp_pb2.Timestamp | duration_pb2.Duration, seconds: float) -> None:
    """Put so many seconds into a message."""
    whole = int(seconds)
    message.seconds = whole
    message.nanos = min(int((seconds - whole) * NANOS), NANOS - 1)


def read_duration(message: duration_pb2.Duration) -> float:
    """The seconds of a duration."""
    return message.seconds + message.nanos / NANOS
