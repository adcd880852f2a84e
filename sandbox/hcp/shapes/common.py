"""Users, and what relates one thing to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.hcp.web import Json

VERSION = "1.11.4"  # of Terraform


def user_id(name: str) -> str:
    """The id of a user, made from the name."""
    return f"user-{name}"


def user(name: str) -> Json:
    """A user as it is included beside what it did."""
    return {"id": user_id(name), "type": "users", "attributes": {"username": name, "is-service-account": False}}


def related(kind: str, identity: str | None) -> Json:
    """A relationship to one other thing, or to none."""
    return {"data": {"id": identity, "type": kind} if identity else None}


def related_all(kind: str, identities: Iterable[str]) -> Json:
    """A relationship to several things."""
    return {"data": [{"id": identity, "type": kind} for identity in identities]}
