"""Types -> the structural OpenAPI schema that an API server wants: every place has a type, and no references."""

import types
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args

from pydantic.fields import FieldInfo

from katib.spec import schema
from katib.spec.experiment import Model

Schema = dict[str, Any]

_INT32 = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
}
_ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}


def structural(model: type[Model]) -> Schema:
    """The schema of a model: its fields as users write them, nothing required, no defaults."""
    properties = {}
    for field in model.model_fields.values():
        value = _value(field.annotation, field.metadata)
        properties[str(field.alias)] = {"description": field.description, **value}
    return {"type": "object", "properties": properties}


def _value(annotation: Any, constraints: Iterable[Any] = ()) -> Schema:
    if any(getattr(each, "ge", None) is not None for each in constraints):
        return dict(_INT32)
    if schema.origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _value(inner, _flat(more))
    if schema.origin(annotation) in (Union, types.UnionType):
        options = [option for option in get_args(annotation) if option is not type(None)]
        return _value(options[0]) if len(options) == 1 else {"x-kubernetes-int-or-string": True}
    if schema.origin(annotation) is Literal:
        return {"type": "string", "enum": [*get_args(annotation)]}
    if schema.origin(annotation) is list:
        return {"type": "array", "items": _value(get_args(annotation)[0])}
    if schema.origin(annotation) is dict:
        values = get_args(annotation)[1]
        return {"type": "object", **(_ANYTHING if values is Any else {"additionalProperties": _value(values)})}
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return structural(annotation)
    return dict(_SCALARS[annotation])


def _flat(constraints: Iterable[Any]) -> Iterator[Any]:
    for each in constraints:
        yield from each.metadata if isinstance(each, FieldInfo) else [each]
