"""Our subclass of the SDK's tool, with compact schemas and errors that name the next step.

The SDK's `Tool` publishes padded schemas, ignores unknown arguments, answers bad ones with a dump that repeats the
value, and prefixes every error. It is marked internal, hence the cap on `mcp` in pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any, Final, Self, cast, get_type_hints

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.resolve import build_resolver_plans, find_resolved_parameters
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, PrivateAttr, ValidationError

from apiframe_studio.api.provider import Terms
from apiframe_tools.mcp.argument_errors import describe
from apiframe_tools.mcp.confirmation import COULD_NOT_ASK, RESOLVER_PREFIX
from apiframe_tools.mcp.offers import put_into_card
from apiframe_tools.mcp.schema import (
    InputSchema,
    OutputSchema,
    absent_fields,
    build_argument_model,
    drop_fields,
)
from apiframe_tools.results import FIELDS_META, Priced, WithImages
from apiframe_tools.wording.prices import Prices

PAID: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Costs money at the service, at most once for the same request."""

REMOTE_READ: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Asks the service; changes nothing and costs nothing."""

LOCAL_READ: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Reads this machine only."""

LOCAL_WRITE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Writes on this machine only."""

DECISION: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Does what only the user decides: lets a paid request be sent again or dropped, or removes what cannot be restored."""


class StudioTool(Tool):
    """A typed function as a tool. Its docstring is the description; `str` of its result is the text block."""

    _terms: Terms = PrivateAttr()

    @classmethod
    def of(
        cls,
        fn: Callable[..., Any],
        title: str,
        annotations: ToolAnnotations,
        terms: Terms,
        meta: dict[str, Any] | None = None,
    ) -> Self:
        """Make a tool of a typed asynchronous function that returns a model.

        What differs by the terms comes from markers in its annotations, and from fields such as
        `{prices.image}` in its docstring. The SDK's `from_function` would make both schemas twice.
        """
        arguments = build_argument_model(fn, terms)
        injected = find_resolved_parameters(fn)
        result: type[BaseModel] = get_type_hints(fn)["return"]
        tool = cls(
            fn=fn,
            name=fn.__name__,
            title=title,
            description=cleandoc(fn.__doc__ or "").format(terms=terms, prices=Prices(terms)),
            parameters=arguments.model_json_schema(schema_generator=InputSchema),
            fn_metadata=FuncMetadata(arg_model=arguments, output_schema=_output_schema(result, terms)),
            is_async=True,
            context_kwarg=None,
            resolved_params=dict(injected),
            resolver_plans=build_resolver_plans(injected, {*arguments.model_fields, *arguments.absent}),
            annotations=annotations,
            meta=meta,
        )
        tool._terms = terms
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool.

        Raises:
            ToolError: with one clear sentence and the next step, for what the model or the user can fix.
            UnexpectedToolError: for a crash; its cause is logged and stays on this side.
        """
        try:
            result = await super().run(self._without_blanks(arguments), context, convert_result=False)
        except UnexpectedToolError as crash:
            raise self._make_readable(crash) from crash.__cause__
        except MCPError as fault:
            # Our tools raise none: the client answered the question to the user with an error.
            if not any(is_asked for _, is_asked in self.resolved_params.values()):
                raise
            raise ToolError(COULD_NOT_ASK) from fault
        except ToolError as error:
            raise ToolError(self._correctable(error)) from error.__cause__
        if isinstance(result, Priced) and self.meta is not None:
            result = put_into_card(result, context)
        # The SDK's question to the user (InputRequiredResult) passes through unchanged.
        is_ours = isinstance(result, BaseModel) and not isinstance(result, InputRequiredResult)
        return _tool_result(result, self._terms) if convert_result and is_ours else result

    def _without_blanks(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Drop null, and blank text for an optional argument: strict clients fill every argument."""
        known, required = self.parameters["properties"], self.parameters.get("required", ())
        return {
            name: value
            for name, value in arguments.items()
            if name not in known or (value is not None and (name in required or str(value).strip()))
        }

    def _correctable(self, error: ToolError) -> str:
        if isinstance(error.__cause__, ValidationError):
            return describe(self.name, error.__cause__, self.parameters)
        words = str(error).removeprefix(f"Error executing tool {self.name}: ")
        return COULD_NOT_ASK if words.startswith(RESOLVER_PREFIX) else words

    def _make_readable(self, crash: UnexpectedToolError) -> ToolError:
        # Imports every error there is, so only when one occurs.
        from apiframe_tools.wording.error_messages import explain_error

        if crash.__cause__ is not None and (words := explain_error(crash.__cause__, self._terms)):
            return ToolError(words)
        return UnexpectedToolError(
            f"{self.name} failed unexpectedly; see the log. Paid requests stay in the ledger: tell the user, and call "
            "list_trainings to see them."
        )


def _output_schema(result: type[BaseModel], terms: Terms) -> dict[str, Any] | None:
    """The schema of the structured content; None for results with images, which have none, and for any priced one."""
    if issubclass(result, WithImages) or result is Priced:
        return None
    return cast(
        dict[str, Any],
        drop_fields(result.model_json_schema(schema_generator=OutputSchema), absent_fields(terms)),
    )


def _tool_result(result: BaseModel, terms: Terms) -> CallToolResult:
    text = TextContent(type="text", text=str(result))
    fields = drop_fields(result.model_dump(mode="json", by_alias=True), absent_fields(terms))
    for_card = dict(result.for_card) if isinstance(result, Priced) else {}
    if isinstance(result, WithImages):
        return CallToolResult(content=[text, *result.blocks], _meta={FIELDS_META: fields, **for_card})
    return CallToolResult(content=[text], structured_content=fields, _meta=for_card or None)
