"""Users and relationships."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.hcp.web import Json

VERSION = "1.11.4"  # of Terraform


def user_id(name: str) -> str:
    """The id of the user with this name."""
    return f"user-{name}"


def user(name: str) -> Json:
    """A user, as included in other documents."""
    return {"id": user_id(name), "type": "users", "attributes": {"username": name, "is-service-account": False}}


def related(kind: str, identity: str | None) -> Json:
    """A to-one relationship, empty for None."""
    return {"data": {"id": identity, "type": kind} if identity else None}


def related_all(kind: str, identities: Iterable[str]) -> Json:
    """A to-many relationship."""
    return {"data": [{"id": identity, "type": kind} for identity in identities]}
