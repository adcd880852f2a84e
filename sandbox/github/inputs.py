"""The inputs of a dispatch, checked as GitHub checks them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.github.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.workflow_file import Input

MAX_INPUTS = 25


def checked_inputs(known: tuple[Input, ...], given: Mapping[str, str]) -> dict[str, str]:
    """The inputs with defaults filled in; RefusedError in GitHub's words for what does not fit."""
    if len(given) > MAX_INPUTS:
        raise RefusedError(
            f"Invalid request.\n\nNo more than {MAX_INPUTS} properties are allowed; {len(given)} were supplied."
        )
    if unexpected := sorted(set(given) - {one.name for one in known}):
        raise RefusedError(f"Unexpected inputs provided: {json.dumps(unexpected)}")
    return {one.name: _checked_input(one, given.get(one.name)) for one in known}


def _checked_input(known: Input, given: str | None) -> str:
    value = given if given is not None else known.default
    if known.required and not value:
        raise RefusedError(f"Required input '{known.name}' not provided")
    if value and known.options and value not in known.options:
        raise RefusedError(f"Provided value '{value}' for input '{known.name}' not in the list of allowed values")
    if value and known.type == "boolean" and value not in {"true", "false"}:
        raise RefusedError(f"Provided value '{value}' for input '{known.name}' not a valid boolean")
    return value or ""
