"""HTTP helpers in GitHub's shapes: errors, paging, conditional requests, request bodies."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCUMENTATION = "https://docs.github.com/rest"
Json = dict[str, Any]
T = TypeVar("T")


class GitHubError(Exception):
    """An answer with an error in GitHub's shape: message, documentation_url, status as text."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, message)
        self.status = status
        self.payload = {"message": message, **more, "documentation_url": DOCUMENTATION, "status": str(status)}
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The error as a response."""
        return json_response(self.payload, self.status, self.headers)


def not_found() -> GitHubError:
    """GitHub's answer for a missing or invisible resource."""
    return GitHubError(404, "Not Found")


def no_commit(ref: str) -> GitHubError:
    """GitHub's answer for an unknown commit in a body or a path."""
    return GitHubError(422, f"No commit found for SHA: {ref}")


def numbered(items: Mapping[int, T], number: str) -> T:
    """The item with this number; 404 without such an item."""
    item = items.get(int(number)) if number.isdecimal() else None
    if item is None:
        raise not_found()
    return item


def invalid(why: str) -> GitHubError:
    """GitHub's answer for a body that its schema does not allow."""
    return GitHubError(422, f"Invalid request.\n\n{why}")


def validation_failed(
    resource: str, *, field: str | None = None, code: str = "custom", message: str = ""
) -> GitHubError:
    """GitHub's answer for inconsistent values."""
    error = {"resource": resource, "field": field, "code": code, "message": message}
    return GitHubError(422, "Validation Failed", errors=[{key: value for key, value in error.items() if value}])


def json_response(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON with GitHub's content type."""
    body = json.dumps(payload).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="utf-8")


def conditional(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Add the ETag of a JSON answer to a GET; 304 when the caller has it. Like GitHub's, it changes with the token."""
    if request.method != "GET" or response.status != 200 or not isinstance(response, web.Response):
        return response
    digest = hashlib.sha256(request.headers.get("Authorization", "").encode() + b"\0" + bytes(response.body or b""))  # type: ignore[arg-type]
    etag = f'W/"{digest.hexdigest()}"'
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
    tags = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    return web.Response(status=304, headers={"ETag": etag}) if etag in tags else response


def page_of(request: web.Request, items: Sequence[T], base: str) -> tuple[list[T], dict[str, str]]:
    """The requested page (`per_page` at most 100, default 30) and its Link header."""
    page, size = requested_page(request)
    last = max(1, -(-len(items) // size))
    relations = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page >= last:
        del relations["next"], relations["last"]
    if page <= 1:
        del relations["prev"], relations["first"]
    query = {key: value for key, value in request.query.items() if key != "page"}
    links = [
        f'<{base}{request.path}?{urlencode({**query, "page": number})}>; rel="{name}"'
        for name, number in relations.items()
    ]
    return list(items[(page - 1) * size : page * size]), {"Link": ", ".join(links)} if links else {}


def requested_page(request: web.Request) -> tuple[int, int]:
    """The number and size of the requested page."""
    return max(1, _number(request, "page", 1)), max(1, min(_number(request, "per_page", 30), 100))


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default


async def json_body(request: web.Request) -> Json:
    """The request's JSON object; 400 in GitHub's words for any other body."""
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise GitHubError(400, "Problems parsing JSON") from error
    if not isinstance(body, dict):
        raise GitHubError(400, "Body should be a JSON object")
    return body


def permitted(body: Json, *keys: str) -> None:
    """Refuse a body with any other key."""
    for key in body:
        if key not in keys:
            raise invalid(f'"{key}" is not a permitted key.')


def required_text(body: Json, key: str) -> str:
    """A required text of the body."""
    if key not in body:
        raise invalid(f'"{key}" wasn\'t supplied.')
    value = body[key]
    if not isinstance(value, str):
        raise invalid(f"For 'properties/{key}', {json.dumps(value)} is not a string.")
    return value
