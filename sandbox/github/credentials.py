"""Who is calling: personal tokens, a GitHub App's JWT, and the installation tokens it gets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from sandbox.github.web import GitHubError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_JWT = timedelta(minutes=10)
TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """A GitHub App: `public_key` (PEM) is what its JWTs are verified with."""

    app_id: int
    public_key: str
    slug: str = "signalbox"
    installation_id: int = 51_000_001


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from. `login` acts; `may_write` is false for read-only tokens; `kind` user, installation or app."""

    login: str
    kind: str
    may_write: bool = True


@dataclass(slots=True)
class Credentials:
    """The tokens that the stand-in accepts, each with the login it acts as."""

    tokens: Mapping[str, str]
    read_only: Mapping[str, str] = field(default_factory=dict)
    app: AppIdentity | None = None
    _installation_tokens: dict[str, datetime] = field(default_factory=dict)

    def caller(self, authorization: str | None) -> Caller | None:
        """Who the header names; None without a header; 401 Bad credentials for what is not accepted."""
        if not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        found = self._known(token.strip()) if scheme.lower() in {"token", "bearer"} else None
        if found is None:
            raise GitHubError(401, "Bad credentials")
        return found

    def _known(self, token: str) -> Caller | None:
        if token in self.tokens:
            return Caller(self.tokens[token], "user")
        if token in self.read_only:
            return Caller(self.read_only[token], "user", may_write=False)
        if self.app is not None and self._installation_tokens.get(
            token, datetime.min.replace(tzinfo=UTC)
        ) > datetime.now(UTC):
            return Caller(f"{self.app.slug}[bot]", "installation")
        return self._from_jwt(token) if token.count(".") == 2 else None

    def _from_jwt(self, token: str) -> Caller:
        if self.app is None:
            raise GitHubError(401, "A JSON web token could not be decoded")
        try:
            claims = jwt.decode(
                token, self.app.public_key, algorithms=["RS256"], options={"require": ["exp", "iat", "iss"]}
            )
        except jwt.ExpiredSignatureError as error:
            raise GitHubError(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            ) from error
        except jwt.PyJWTError as error:
            raise GitHubError(401, "A JSON web token could not be decoded") from error
        if str(claims["iss"]) != str(self.app.app_id):
            raise GitHubError(401, "Integration not found")
        if claims["exp"] > (datetime.now(UTC) + LONGEST_JWT).timestamp():
            raise GitHubError(401, "'Expiration time' claim ('exp') is too far in the future")
        return Caller(self.app.slug, "app")

    def new_installation_token(self) -> tuple[str, datetime]:
        """A fresh token of the App's installation and when it expires, an hour from now."""
        token = f"ghs_{secrets.token_hex(18)}"
        self._installation_tokens[token] = datetime.now(UTC) + TOKEN_LIFE
        return token, self._installation_tokens[token]

    def expire_installation_tokens(self) -> None:
        """Make every installation token given so far useless, for tests."""
        self._installation_tokens.clear()
