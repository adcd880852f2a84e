"""Validates the inputs of a dispatch as GitHub does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.github.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.workflow_model import Input

MAX_INPUTS = 25


def checked_inputs(inputs: tuple[Input, ...], given: Mapping[str, str]) -> dict[str, str]:
    """The inputs with defaults filled in; RefusedError in GitHub's words for invalid inputs."""
    if len(given) > MAX_INPUTS:
        raise RefusedError(
            f"Invalid request.\n\nNo more than {MAX_INPUTS} properties are allowed; {len(given)} were supplied."
        )
    if unexpected := sorted(set(given) - {declared.name for declared in inputs}):
        raise RefusedError(f"Unexpected inputs provided: {json.dumps(unexpected)}")
    return {declared.name: _checked_input(declared, given.get(declared.name)) for declared in inputs}


def _checked_input(declared: Input, given: str | None) -> str:
    value = given if given is not None else declared.default
    if declared.required and not value:
        raise RefusedError(f"Required input '{declared.name}' not provided")
    if value and declared.options and value not in declared.options:
        raise RefusedError(f"Provided value '{value}' for input '{declared.name}' not in the list of allowed values")
    if value and declared.type == "boolean" and value not in {"true", "false"}:
        raise RefusedError(f"Provided value '{value}' for input '{declared.name}' not a valid boolean")
    return value or ""
