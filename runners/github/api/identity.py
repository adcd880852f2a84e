"""The identity on GitHub: a token, or an App with a token for each installation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from runners.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Ask = Callable[[str, str, str, str], Awaitable[Any]]  # method, path, JWT, doing -> JSON

RENEW_BEFORE = timedelta(minutes=5)  # installation tokens live for an hour; no call takes as long as this
_APP_REMEDY = "Set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY to an App's id and one of its private keys (PEM)."


class Identity(Protocol):
    """The source of tokens for `GitHub`."""

    async def token(self, repository: str | None) -> str:
        """A valid token, for this repository where that matters."""

    def renewable(self, token: str) -> bool:
        """Forget a token that GitHub refused; true when `token` may return another token."""

    async def permissions(self, repository: str) -> Mapping[str, str] | None:
        """An App's permissions in a repository; None where GitHub does not report them."""


class NoIdentity:
    """No identity: every call raises AccessDeniedError."""

    async def token(self, repository: str | None) -> str:
        """Raises AccessDeniedError."""
        raise AccessDeniedError(
            f"connecting to GitHub for {repository or 'its API'}",
            "there is neither a token nor an App's key",
            remedy="Set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY.",
        )

    def renewable(self, token: str) -> bool:
        """Never."""
        del token
        return False

    async def permissions(self, repository: str) -> None:
        """None."""
        del repository


class TokenIdentity:
    """A configured token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, repository: str | None) -> str:
        """The token, for any repository."""
        del repository
        return self._token

    def renewable(self, token: str) -> bool:
        """Never: a person must configure another token."""
        del token
        return False

    async def permissions(self, repository: str) -> None:
        """None: GitHub reports only the rights of the token's owner."""
        del repository


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    token: str
    expires_at: datetime
    permissions: Mapping[str, str]

    @property
    def fresh(self) -> bool:
        return datetime.now(UTC) < self.expires_at - RENEW_BEFORE


class AppIdentity:
    """A GitHub App: signs a JWT, finds its installation through the repository, renews tokens before they expire.

    Without a repository it takes the App's first installation.
    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
    """

    def __init__(self, app_id: str, private_key: str, ask: Ask) -> None:
        self._app_id = app_id
        self._private_key = private_key
        self._ask = ask
        self._installations: dict[str | None, int] = {}
        self._tokens: dict[int, _InstallationToken] = {}
        self._renewing = asyncio.Lock()

    async def token(self, repository: str | None) -> str:
        """An installation's token, at least five minutes from its expiry.

        Raises:
            AccessDeniedError: the key cannot be read, or GitHub does not accept it.
            NotFoundError: the App is not installed there.
        """
        return (await self._installation_token(repository)).token

    async def permissions(self, repository: str) -> Mapping[str, str]:
        """The permissions of the installation's token. Raises as `token` does."""
        return (await self._installation_token(repository)).permissions

    async def _installation_token(self, repository: str | None) -> _InstallationToken:
        async with self._renewing:
            installation = self._installations.get(repository) or await self._find(repository)
            token = self._tokens.get(installation)
            if not token or not token.fresh:
                token = self._tokens[installation] = await self._renew(installation)
            return token

    def renewable(self, token: str) -> bool:
        """Forget this token and its installation: the App may have been installed again."""
        refused = [number for number, cached in self._tokens.items() if cached.token == token]
        for number in refused:
            del self._tokens[number]
        self._installations = {name: number for name, number in self._installations.items() if number not in refused}
        return bool(refused)

    async def _find(self, repository: str | None) -> int:
        doing = f"finding the GitHub App's installation for {repository or 'its API'}"
        if repository:
            installation = await self._ask("GET", f"/repos/{repository}/installation", self.jwt(), doing)
        else:
            listed = await self._ask("GET", "/app/installations?per_page=1", self.jwt(), doing)
            if not listed:
                raise AccessDeniedError(doing, "the App is installed nowhere", remedy="Install it on the repository.")
            installation = listed[0]
        number = self._installations[repository] = int(installation["id"])
        return number

    async def _renew(self, installation: int) -> _InstallationToken:
        path = f"/app/installations/{installation}/access_tokens"
        token = await self._ask("POST", path, self.jwt(), "taking a token for the GitHub App's installation")
        return _InstallationToken(
            token["token"], datetime.fromisoformat(token["expires_at"]), token.get("permissions") or {}
        )

    def jwt(self) -> str:
        """A signed proof of the App's identity, valid for five minutes.

        Raises:
            AccessDeniedError: the private key cannot be read.
        """
        import jwt  # noqa: PLC0415  -- only an App needs them
        from github import Auth  # noqa: PLC0415

        key = self._private_key.replace("\\n", "\n").strip() + "\n"
        try:
            return Auth.AppAuth(self._app_id, key).create_jwt()
        except (jwt.PyJWTError, ValueError, TypeError, AssertionError):
            raise AccessDeniedError(
                "signing in to GitHub as an App", "the App's private key cannot be read", remedy=_APP_REMEDY
            ) from None
