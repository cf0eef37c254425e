"""The descriptor pool that our messages live in, and the messages themselves.

Generated `_pb2` modules put their files into the one default pool, where a second file named `api.proto`, or a second
message named `api.v1.beta1.Trial`, is an error: Katib's own Python package in the same process would be one.
"""

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper

FILE = Path(__file__).with_name("descriptors.binpb")
"""What `make proto` makes of `proto/`."""

POOL = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString(FILE.read_bytes()).file:
    POOL.AddSerializedFile(_file.SerializeToString())


def contents(name: str) -> dict[str, Any]:
    """What a generated module of file `name` would hold: its messages, its enums, and the values of these."""
    file = POOL.FindFileByName(name)
    found: dict[str, Any] = {"DESCRIPTOR": file}
    for message in file.message_types_by_name.values():
        found[message.name] = message_factory.GetMessageClass(message)
    for enum in file.enum_types_by_name.values():
        found[enum.name] = enum_type_wrapper.EnumTypeWrapper(enum)
        found.update((value.name, value.number) for value in enum.values)
    return found
