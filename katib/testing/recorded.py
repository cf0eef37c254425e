"""Snapshots and plans as JSON, so that a decision that was made once can be made again by newer code."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> Any:
    """A core value as plain data. Fields at their defaults stay in: a default may change, a record must not."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: encode(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [encode(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def decode(kind: type[T], plain: Any) -> T:
    """The value of type `kind` that `encode` made plain. Fields that were unknown then take their defaults."""
    decoded: T = _decode(kind, plain)
    return decoded


def _decode(kind: Any, plain: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, plain)
    if origin is tuple:
        # Homogeneous (`tuple[X, ...]`) or a fixed row.
        kinds = arguments[:1] * len(plain) if Ellipsis in arguments else arguments
        return tuple(_decode(each, one) for each, one in zip(kinds, plain, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, each = arguments
        return {_decode(key, name): _decode(each, one) for name, one in plain.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _decode(hints[name], one) for name, one in plain.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    return float(plain) if kind is float else plain


def _decode_union(kinds: tuple[Any, ...], plain: Any) -> Any:
    """None, a value as it is when it has one of the plain types, or the one dataclass, enum or container among them."""
    if plain is None or type(plain) in kinds:
        return plain
    return _decode(next(kind for kind in kinds if kind is not types.NoneType), plain)
