"""Vizier's KeyValue <-> an item of metadata: a text, or the bytes of an Any."""

from collections.abc import Iterable

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from katib.core.metadata import MetadataItem
from katib.errors import Fault, InvalidInput
from katib.rpc import vizier

KEY_LIMIT = 255


def read_item(message: vizier.KeyValue, ordinal: int = 0) -> MetadataItem:
    """The item that a message is. Raises InvalidInput."""
    for name, text in (("ns", message.ns), ("key", message.key)):
        if len(text) > KEY_LIMIT or "\0" in text:
            wanted = f"at most {KEY_LIMIT} characters, none of them NUL"
            raise InvalidInput([Fault(path=f"metadatum.{name}", given=text[:40], wanted=wanted)], what="the metadata")
    in_bytes = message.WhichOneof("a_value") == "proto" or "\0" in message.value
    value = message.SerializeToString() if in_bytes else message.value
    return MetadataItem(namespace=message.ns, key=message.key, value=value, ordinal=ordinal)


def write_item(item: MetadataItem) -> vizier.KeyValue:
    """The message of an item."""
    if isinstance(item.value, bytes):
        # Of a message that is no plain text the whole is kept.
        return vizier.KeyValue.FromString(item.value)
    return vizier.KeyValue(ns=item.namespace, key=item.key, value=item.value)


def write_items(messages: "RepeatedCompositeFieldContainer[vizier.KeyValue]", items: Iterable[MetadataItem]) -> None:
    """Put items in the place of those of the same namespace and key; all sorted then, as Vizier does when it merges."""
    new = [write_item(item) for item in items]
    if not new:
        return
    merged = {(each.ns, each.key): each for each in [*messages, *new]}
    kept = [merged[key] for key in sorted(merged)]
    del messages[:]
    messages.extend(kept)
