"""files.*: the external upload flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import channels
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_4

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend

LARGEST_FILE = 1 << 30


def _get_url(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    if given["length"] <= 0:
        raise ApiError("invalid_arguments")
    if given["length"] > LARGEST_FILE:
        raise ApiError("file_upload_size_restricted")
    file = backend.workspace.files.expect(given["filename"], given["length"])
    return {"upload_url": f"{backend.base_url}/upload/v1/{file.id}/{quote(file.token)}", "file_id": file.id}


def _complete(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    wanted = given["files"]
    if not isinstance(wanted, list) or not wanted or not all(_is_reference(reference) for reference in wanted):
        raise ApiError("invalid_arguments")
    files = [backend.workspace.files.uploaded(reference["id"]) for reference in wanted]
    channel = channels.joined(backend, given["channel_id"]) if "channel_id" in given else None
    if channel is not None and channel.archived:
        raise ApiError("posting_to_channel_denied")
    if "thread_ts" in given and (channel is None or channel.find(given["thread_ts"]) is None):
        raise ApiError("thread_not_found" if channel else "invalid_arguments")
    for file, reference in zip(files, wanted, strict=True):
        file.title = reference.get("title") or file.name
        file.shared = True
        file.channels.extend([channel.id] if channel else [])
    if channel is not None:
        backend.workspace.post(
            channel,
            seed.BOT_USER_ID,
            given.get("initial_comment", ""),
            thread_ts=given.get("thread_ts"),
            files=files,
            bot_id=seed.BOT_ID,
        )
    return {"files": [channels.file_json(backend, file) for file in files]}


def _is_reference(reference: Any) -> bool:
    return isinstance(reference, dict) and isinstance(reference.get("id"), str) and set(reference) <= {"id", "title"}


_GET_URL = {"filename": "str", "length": "int", "alt_txt": "str", "snippet_type": "str"}
_COMPLETE = {"files": "json", "channel_id": "str", "initial_comment": "str", "thread_ts": "str"}

METHODS = (
    Method("files.getUploadURLExternal", _get_url, "files:write", TIER_4, _GET_URL, ("filename", "length")),
    Method("files.completeUploadExternal", _complete, "files:write", TIER_4, _COMPLETE, ("files",), takes_json=True),
)
