"""The arguments of a tool: the model that validates them and the schema that clients see.

A model reads every character of the tool list at every turn, so the schemas have no titles, and input schemas have no
null, which means "not given". What differs by the service's terms is marked with `FromTerms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, cast, get_args, get_origin, get_type_hints

from mcp.server.mcpserver.resolve import find_resolved_parameters
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import ConfigDict, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from apiframe_studio.api.provider import Terms


@dataclass(frozen=True)
class FromTerms:
    """In `Annotated[T, FromTerms(…)]`: what a parameter takes under the terms of the provider in use.

    `annotation` returns the type, or None where the provider has no such parameter: then it is neither published nor
    accepted, and the tool receives its default. Everything else in the `Annotated` applies to every provider.
    """

    annotation: Callable[[Terms], Any]


def one_of(choices: Sequence[str]) -> Any:
    """Return the type of a text that is one of these."""
    literal: Any = Literal
    return literal[tuple(choices)]


class Arguments(ArgModelBase):
    """Validated arguments of one tool, and the defaults of parameters that the terms do not have."""

    model_config = ConfigDict(extra="forbid")
    absent: ClassVar[dict[str, Any]] = {}

    def model_dump_one_level(self) -> dict[str, Any]:
        return super().model_dump_one_level() | self.absent


def build_argument_model(fn: Callable[..., Any], terms: Terms) -> type[Arguments]:
    """Make the model of a tool's parameters under these terms, without those that the SDK injects."""
    hints, injected = get_type_hints(fn, include_extras=True), find_resolved_parameters(fn)
    fields: dict[str, Any] = {}
    absent: dict[str, Any] = {}
    for name, parameter in signature(fn).parameters.items():
        if name in injected:
            continue
        is_required = parameter.default is Parameter.empty
        if (annotation := _under(terms, hints[name])) is None:
            absent[name] = None if is_required else parameter.default
        else:
            fields[name] = (annotation, ... if is_required else parameter.default)
    model = create_model(f"{fn.__name__}Arguments", __base__=Arguments, **fields)
    model.absent = absent
    return model


def _under(terms: Terms, annotation: Any) -> Any:
    """Replace each marker in the annotation by its type under these terms; None when they have no such parameter."""
    if get_origin(annotation) is Annotated:
        _kept, *metadata = get_args(annotation)
        marker = next((one for one in metadata if isinstance(one, FromTerms)), None)
        if marker is None:
            return annotation
        if (found := marker.annotation(terms)) is None:
            return None
        rest = [one for one in metadata if one is not marker]
        return Annotated[(found, *rest)] if rest else found
    if get_origin(annotation) in (Union, UnionType):
        arms = [_under(terms, arm) for arm in get_args(annotation)]
        return None if None in arms else Union[tuple(arms)]  # noqa: UP007 # The arms are known at run time only.
    return annotation


def absent_fields(terms: Terms) -> frozenset[str]:
    """The fields of results that nothing under these terms would fill."""
    return frozenset() if terms.reports_percentage else frozenset({"percentage"})


def drop_fields(value: Any, names: frozenset[str]) -> Any:
    """Return a schema of a result, or a result, without these fields at any depth."""
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        kept = {name: drop_fields(one, names) for name, one in fields.items() if name not in names}
        if "required" in kept:
            kept["required"] = [name for name in kept["required"] if name not in names]
        return kept
    if not isinstance(value, list):
        return value
    return [drop_fields(one, names) for one in cast(Sequence[Any], value)]


class OutputSchema(GenerateJsonSchema):
    """A schema without titles. It keeps null, since clients validate results against it."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 # It is the same for each.
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made


class InputSchema(OutputSchema):
    """A schema in which what is optional has no null and no null default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)
