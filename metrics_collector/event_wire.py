"""The bytes of TensorFlow event files into scalars. Pure.

A file is a sequence of TFRecords, each a serialized `Event`. Formats, with the field numbers used below:
tensorflow/core/lib/io/record_writer.h (framing), tensorflow/core/util/event.proto, and in tensorflow/core/framework
summary.proto, tensor.proto, tensor_shape.proto and types.proto; the wire format is described at
https://protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

RECORD_LIMIT = 32 << 20
"""Bytes; a longer record (images, a graph) is passed over without being held in memory."""


class Scalar(NamedTuple):
    """One scalar of a summary. `step` is None when the writer left it out: it does so for step 0, and for no step."""

    tag: str
    value: float
    step: int | None
    time: float


class RecordReader:
    """TFRecord framing, a chunk at a time; an unfinished record waits for its rest.

    The checksum of each length is verified: without it a damaged length would swallow the rest of the file. After a
    wrong one `damaged` is true and nothing more is read. Checksums of the data are not verified.
    """

    def __init__(self) -> None:
        self.damaged = False
        self._buffer = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The records that `data` completes."""
        records: list[bytes] = []
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._buffer += data[skipped:]
        start = 0
        while not self.damaged and len(self._buffer) - start >= _HEADER.size:
            length, checksum = _HEADER.unpack_from(self._buffer, start)
            end = start + _HEADER.size + length + _CHECKSUM_SIZE
            if checksum != _masked_crc32c(self._buffer[start : start + 8]):
                self.damaged = True
            elif end <= len(self._buffer):
                records.append(bytes(self._buffer[start + _HEADER.size : end - _CHECKSUM_SIZE]))
                start = end
            elif length > RECORD_LIMIT:
                self._skip = end - len(self._buffer)
                start = len(self._buffer)
            else:
                break
        del self._buffer[:start]
        if self.damaged:
            self._buffer.clear()
        return records


_HEADER = struct.Struct("<QI")
_CHECKSUM_SIZE = 4


def scalars(record: bytes) -> list[Scalar]:
    """The scalars of a serialized `Event`, in order. Raises ValueError for what is not one."""
    time, step, tagged = 0.0, None, []
    for field, value in _fields(memoryview(record)):
        match field, value:
            case 1, bytes():
                (time,) = _unpack("<d", value)
            case 2, int():
                step = _signed(value)
            case 5, memoryview():
                tagged += [found for inner, part in _fields(value) if inner == 1 and (found := _tagged(part))]
    return [Scalar(tag, value, step, time) for tag, value in tagged]


_Field = int | bytes | memoryview
"""A varint; a fixed-width number's bytes; anything with a length."""


def _fields(data: memoryview) -> Iterator[tuple[int, _Field]]:
    """The fields of a message: (number, value)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 2:
                length, at = _varint(data, at)
                yield key >> 3, _slice(data, at, length)
                at += length
            case 1 | 5 as kind:
                width = 8 if kind == 1 else 4
                yield key >> 3, bytes(_slice(data, at, width))
                at += width
            case kind:
                raise ValueError(f"wire type {kind} in an event")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("an unfinished number in an event")


def _slice(data: memoryview, at: int, length: int) -> memoryview:
    if at + length > len(data):
        raise ValueError("a field in an event is longer than its message")
    return data[at : at + length]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _tagged(part: _Field) -> tuple[str, float] | None:
    """The tag and the scalar of a `Summary.Value`; None when it holds something else."""
    tag, found = "", None
    for field, value in _fields(_message(part)):
        match field, value:
            case 1, memoryview():
                tag = bytes(value).decode(errors="replace")
            case 2, bytes():
                (found,) = _unpack("<f", value)
            case 8, memoryview():
                found = _tensor(value)
    return None if found is None else (tag, found)


def _message(part: _Field) -> memoryview:
    if not isinstance(part, memoryview):
        raise ValueError("a number where an event has a message")
    return part


_TYPES = {
    1: ("<f", 5),
    2: ("<d", 6),
    3: ("<i", 7),
    4: ("<B", 7),
    5: ("<h", 7),
    6: ("<b", 7),
    9: ("<q", 10),
    10: ("<?", 11),
    14: ("bfloat16", 13),
    17: ("<H", 7),
    19: ("<e", 13),
    22: ("<I", 16),
    23: ("<Q", 17),
}
"""DataType -> the format of one element in tensor_content, and the field that holds elements otherwise."""


def _tensor(data: memoryview) -> float | None:
    """The one element of a `TensorProto`; None when it has more, or is no number."""
    fields = dict(_fields(data))
    form, field = _TYPES.get(_int(fields.get(1, 0)), ("", 0))
    if not form or _elements(fields.get(2)) != 1:
        return None
    if content := fields.get(4):
        return _unpack_number(form, bytes(_message(content)))
    return _element(form, fields.get(field))


def _elements(shape: _Field | None) -> int:
    if shape is None:
        return 1
    sizes = [_int(dict(_fields(_message(part))).get(1, 0)) for field, part in _fields(_message(shape)) if field == 2]
    return prod(sizes)


def _element(form: str, given: _Field | None) -> float | None:
    """The first element of a `*_val` field, packed or not. One that is left out is 0."""
    if given is None:
        return 0.0
    if form in ("<f", "<d"):
        return _unpack_number(form, bytes(given) if not isinstance(given, int) else b"")
    value = given if isinstance(given, int) else _varint(memoryview(given), 0)[0]
    if form in ("<e", "bfloat16"):
        return _unpack_number(form, struct.pack("<H", value & 0xFFFF))
    return float(value if form in ("<I", "<Q", "<?") else _signed(value))


def _unpack_number(form: str, data: bytes) -> float:
    if form == "bfloat16":
        form, data = "<f", b"\0\0" + data[:2]
    return float(_unpack(form, data)[0])


def _unpack(form: str, data: bytes) -> tuple[float, ...]:
    try:
        return struct.unpack_from(form, data)
    except struct.error as error:
        raise ValueError(f"a number in an event is too short: {error}") from error


def _int(given: _Field) -> int:
    if not isinstance(given, int):
        raise ValueError("bytes where an event has a number")
    return given


def _crc_entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_CRC_TABLE = tuple(map(_crc_entry, range(256)))


def _masked_crc32c(data: bytes | bytearray) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
