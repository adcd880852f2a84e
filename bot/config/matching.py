"""Text that must match a pattern, with a message of its own for a fault; the JSON Schema has the pattern."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


class Matching:
    """A check that the whole text matches; `problem` follows the quoted text in the message."""

    def __init__(self, pattern: str, problem: str) -> None:
        self._pattern, self._problem = re.compile(pattern, re.ASCII), problem

    def _check(self, text: str) -> str:
        if not self._pattern.fullmatch(text):
            raise ValueError(f'"{text[:60]}" {self._problem}')
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The check, after that of the type."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The pattern, as editors read it."""
        return {**handler(schema), "pattern": f"^(?:{self._pattern.pattern})$"}


class Or:
    """Beside the type's own form others (JSON Schemas), which a validator before it has read."""

    def __init__(self, *forms: dict[str, Any]) -> None:
        self._forms = forms

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Any of the forms."""
        return {"anyOf": [*self._forms, handler(schema)]}
