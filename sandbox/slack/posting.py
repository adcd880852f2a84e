"""Checks what the app wants to say, as chat.* methods, response URLs and command answers all do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.slack import block_kit
from sandbox.slack.errors import ApiError

# chat.postMessage cuts at 40,000 characters; refusing is stricter and never loses text unseen.
LONGEST_TEXT = 40_000
LONGEST_UPDATE = 4_000  # bytes in UTF-8, where chat.postMessage counts characters
LARGEST_METADATA = 8_000


@dataclass(frozen=True)
class Draft:
    """A message that Slack would take. `blocks` is None where none were given."""

    text: str
    blocks: list[dict[str, Any]] | None
    metadata: dict[str, Any] | None


def draft(arguments: dict[str, Any], *, longest: int = LONGEST_TEXT) -> Draft:
    """Check `text`, `blocks` and `metadata` of a call.

    Raises:
        ApiError: no_text, msg_too_long, invalid_blocks_format, invalid_blocks, msg_blocks_too_long,
            invalid_metadata_format, metadata_too_large.
    """
    text = arguments.get("text") or ""
    if not isinstance(text, str):
        raise ApiError("invalid_arguments")
    if (len(text.encode(errors="replace")) if longest == LONGEST_UPDATE else len(text)) > longest:
        raise ApiError("msg_too_long")
    blocks = _blocks(arguments.get("blocks"))
    if not text.strip() and not blocks:
        raise ApiError("no_text")
    return Draft(text, blocks, _metadata(arguments.get("metadata")))


def _blocks(given: Any) -> list[dict[str, Any]] | None:
    if given is None:
        return None
    blocks = _parsed(given, "invalid_blocks_format")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise ApiError("invalid_blocks_format")
    return block_kit.check_message(blocks)


def _metadata(given: Any) -> dict[str, Any] | None:
    if given is None or given == "":
        return None
    metadata = _parsed(given, "invalid_metadata_format")
    if metadata == {}:
        return None
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise ApiError("invalid_metadata_format")
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        raise ApiError("metadata_too_large")
    return metadata


def _parsed(given: Any, error: str) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise ApiError(error) from None
