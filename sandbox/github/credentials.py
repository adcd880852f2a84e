"""Credentials of callers: personal tokens, a GitHub App's JWT, and its installation tokens."""

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
# The permissions of an App that may do everything that the product does.
ALL = {
    "actions": "write",
    "checks": "read",
    "contents": "write",
    "deployments": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """A GitHub App; `public_key` (PEM) verifies its JWTs."""

    app_id: int
    public_key: str
    slug: str = "signalbox"
    installation_id: int = 51_000_001


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request.

    `login` acts; `may_write` is false for read-only tokens; `kind` is user, installation or app. `permissions` are those
    of an App or a fine-grained token, None for a classic token, which has `scopes` instead. `repositories` are the
    visible repositories, None for all.
    """

    login: str
    kind: str
    may_write: bool = True
    permissions: Mapping[str, str] | None = None
    scopes: tuple[str, ...] | None = None
    repositories: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of a token: scopes of a classic token, permissions and repositories (None: all) of a fine-grained token."""

    scopes: tuple[str, ...] | None = ("repo", "workflow")
    permissions: Mapping[str, str] | None = None
    repositories: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    """A token of the App's installation; None where it has the App's own rights."""

    expires: datetime
    permissions: Mapping[str, str] | None = None
    repositories: frozenset[str] | None = None


@dataclass(slots=True)
class Credentials:
    """The tokens that the stand-in accepts, each with the login it acts as.

    `grants` are the rights of tokens; a token without a grant is a classic token with all rights. `app_permissions` are
    those of the App's installation, `app_repositories` its repositories (None: all); both may change at any time.
    """

    tokens: Mapping[str, str]
    read_only: Mapping[str, str] = field(default_factory=dict)
    app: AppIdentity | None = None
    grants: dict[str, Grant] = field(default_factory=dict)
    app_permissions: dict[str, str] = field(default_factory=lambda: dict(ALL))
    app_repositories: frozenset[str] | None = None
    suspended: bool = False
    _installation_tokens: dict[str, _InstallationToken] = field(default_factory=dict)

    def caller(self, authorization: str | None) -> Caller | None:
        """The caller that the header identifies; None without a header; 401 Bad credentials for a rejected token."""
        if not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        caller = self._identify(token.strip()) if scheme.lower() in {"token", "bearer"} else None
        if caller is None:
            raise GitHubError(401, "Bad credentials")
        return caller

    def _identify(self, token: str) -> Caller | None:
        grant = self.grants.get(token, Grant())
        more = {"permissions": grant.permissions, "scopes": grant.scopes, "repositories": grant.repositories}
        if token in self.tokens:
            return Caller(self.tokens[token], "user", **more)  # type: ignore[arg-type] # by name, each of its type
        if token in self.read_only:
            return Caller(self.read_only[token], "user", may_write=False, scopes=("repo",))
        if token in self._installation_tokens:
            return self._installed(self._installation_tokens[token])
        return self._from_jwt(token) if token.count(".") == 2 else None

    def _installed(self, token: _InstallationToken) -> Caller | None:
        if self.app is None or token.expires <= datetime.now(UTC):
            return None
        if self.suspended:
            raise GitHubError(403, "This installation has been suspended")
        permissions = self.app_permissions if token.permissions is None else token.permissions
        repositories = token.repositories if token.repositories is not None else self.app_repositories
        login = f"{self.app.slug}[bot]"
        return Caller(login, "installation", permissions=permissions, repositories=repositories)

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

    def new_installation_token(
        self, permissions: Mapping[str, str] | None = None, repositories: frozenset[str] | None = None
    ) -> tuple[str, datetime]:
        """A new token of the App's installation, with narrowed rights where given, and its expiry: an hour from now."""
        token, expires = f"ghs_{secrets.token_hex(18)}", datetime.now(UTC) + TOKEN_LIFE
        self._installation_tokens[token] = _InstallationToken(expires, permissions, repositories)
        return token, expires

    def expire_installation_tokens(self) -> None:
        """Expire all installation tokens, for tests."""
        self._installation_tokens.clear()
