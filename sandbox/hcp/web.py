"""JSON:API of HCP Terraform: reads requests strictly, and makes documents, pages and errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.hcp.model import HcpToken

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MEDIA_TYPE = "application/vnd.api+json"
CALLER = web.RequestKey("caller", HcpToken)
Json = dict[str, Any]


class ApiError(Exception):
    """An answer with errors in JSON:API's shape."""

    def __init__(self, status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.errors = [{"status": str(status), "title": title, **({"detail": detail} if detail else {})}]
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The error as a response."""
        return document({"errors": self.errors}, self.status, self.headers)


def not_found() -> ApiError:
    """The error for an object that does not exist, or is hidden from the token."""
    return ApiError(404, "not found")


def invalid(detail: str) -> ApiError:
    """The error for a body that is not accepted."""
    return ApiError(422, "unprocessable entity", detail)


def document(payload: Json | None, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with the JSON:API content type; without a body for None."""
    content = b"" if payload is None else json.dumps(payload).encode()
    return web.Response(body=content, status=status, headers={**(headers or {}), "Content-Type": MEDIA_TYPE})


async def read_body(request: web.Request) -> Json:
    """The JSON object in the request's body; empty for an empty body."""
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type != MEDIA_TYPE:
        raise ApiError(415, "unsupported media type", f"{request.content_type} is not {MEDIA_TYPE}")
    try:
        document = json.loads(raw)
    except ValueError:
        raise ApiError(400, "bad request", "the body is no JSON") from None
    if not isinstance(document, dict):
        raise invalid("the body is no object")
    return document


def resource(
    body: Json, kind: str, fields: Mapping[str, type | tuple[type, ...]], ignored: Collection[str] = ()
) -> Json:
    """The attributes of the resource in a body; each must be in `fields` or `ignored`, and of its type."""
    data = body.get("data")
    if not isinstance(data, dict) or data.get("type") != kind:
        raise invalid(f"data.type must be {kind}")
    attributes = data.get("attributes") or {}
    for name, value in attributes.items():
        if name in ignored:
            continue
        if name not in fields:
            raise invalid(f"unknown attribute {name}")
        if not isinstance(value, fields[name]) or (isinstance(value, bool) and fields[name] is not bool):
            raise invalid(f"attribute {name} is of a wrong type")
    return {name: value for name, value in attributes.items() if name in fields}


def linked(body: Json, name: str, kind: str) -> str | None:
    """The id of a to-one relationship in a body; None when it is absent."""
    relationship = (body["data"].get("relationships") or {}).get(name)
    if relationship is None:
        return None
    data = relationship.get("data") if isinstance(relationship, dict) else None
    if not isinstance(data, dict) or data.get("type") != kind or not isinstance(data.get("id"), str):
        raise invalid(f"relationship {name} must be of type {kind}")
    return str(data["id"])


def page(request: web.Request, items: list[Json]) -> Json:
    """A page of a list, with HCP Terraform's paging fields."""
    size = max(1, min(_number(request, "page[size]", 20), 100))
    number = max(1, _number(request, "page[number]", 1))
    last = max(1, -(-len(items) // size))
    pagination = {
        "current-page": number,
        "page-size": size,
        "prev-page": number - 1 if number > 1 else None,
        "next-page": number + 1 if number < last else None,
        "total-pages": last,
        "total-count": len(items),
    }
    return {"data": items[(number - 1) * size : number * size], "meta": {"pagination": pagination}}


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default
