"""The app's installation: the bot's identity by its token, and whether a payload comes from that workspace and app."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slack_bolt.authorization import AuthorizeResult

from bot.inbound import shapes
from bot.inbound.refusals import RefusedError
from bot.slack.web_api import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)
# An app-level token names its app: xapp-1-A0123ABCD-...
_APP_TOKEN = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")
RETRY = 30.0  # seconds until bots.info is asked again
TIMEOUT = 2.0  # seconds for its answer: a request waits for it, and Slack waits three


@dataclass(frozen=True, slots=True)
class Identity:
    """The token's workspace, its enterprise and the app; "" where Slack does not name one.

    `org_wide`: the app is installed in all workspaces of the enterprise.
    """

    team: str
    enterprise: str = ""
    app: str = ""
    org_wide: bool = False


class Installation:
    """The installation of `client`'s token, read once. With `external`, people of other workspaces may act.

    The app is read again until Slack has named it: until then payloads of other apps are not recognized.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        app_token: str | None = None,
        *,
        external: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._app_token = app_token or ""
        self._external = external
        self._clock = clock
        self._bot = ""
        self._asked_at = 0.0
        self._lock = asyncio.Lock()
        self._read: tuple[Identity, AuthorizeResult] | None = None

    async def authorize(self) -> AuthorizeResult:
        """The bot's identity for Bolt, whose own way asks at every request until it has an answer."""
        return (await self._once())[1]

    async def identity(self) -> Identity:
        """Which workspace, enterprise and app these are. Raises slack_sdk's errors."""
        return (await self._once())[0]

    async def check(self, payload: shapes.Payload) -> None:
        """Raises RefusedError unless the payload comes from the token's workspace and app."""
        if isinstance(payload.shape, shapes.UrlVerification):
            return  # it names no workspace
        try:
            identity = await self.identity()
        except FAILURES as error:
            log.warning("auth.test failed, so a request is refused: %s", error)
            raise RefusedError(503, "Slack does not say which workspace the token belongs to", "workspace") from error
        fault = fault_of(payload.shape, identity, external=self._external)
        if fault:
            raise RefusedError(403, f"the payload is from {fault}", "workspace")

    async def _once(self) -> tuple[Identity, AuthorizeResult]:
        async with self._lock:
            if self._read is None:
                answer = await self._client.auth_test()
                result = AuthorizeResult.from_auth_test_response(
                    bot_token=self._client.token, auth_test_response=answer
                )
                self._bot = str(answer.get("bot_id") or "")
                self._read = (await self._identity(answer), result)
            identity, result = self._read
            if not identity.app and self._clock() - self._asked_at >= RETRY:
                self._read = (replace(identity, app=await self._app_of_bot()), result)
            return self._read

    async def _identity(self, answer: Any) -> Identity:
        named = _APP_TOKEN.match(self._app_token)
        app = named[1] if named else answer.get("app_id") or await self._app_of_bot()
        enterprise, org_wide = answer.get("enterprise_id") or "", bool(answer.get("is_enterprise_install"))
        return Identity(str(answer["team_id"]), str(enterprise), str(app), org_wide)

    async def _app_of_bot(self) -> str:
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.bots_info(bot=self._bot)
        except FAILURES as error:
            log.warning("bots.info failed, so the app of payloads is not compared yet: %s", str(error) or "no answer")
            return ""
        finally:
            self._asked_at = self._clock()
        return str((answer.get("bot") or {}).get("app_id") or "")


def fault_of(shape: Any, identity: Identity, *, external: bool) -> str:
    """From what else than this installation the payload is; "" if it is from none.

    A token for a whole organization takes payloads of all its workspaces. In a channel that is shared with another
    organization, a payload names the workspace of the person who acts.
    """
    if identity.app and shape.api_app_id != identity.app:
        return "another app"
    if external:
        return ""
    team, enterprise = sender_of(shape)
    if enterprise and enterprise != identity.enterprise:
        return "another organization"
    if identity.org_wide:
        return "" if enterprise else "no organization"
    return "" if team == identity.team else "another workspace"


def sender_of(shape: Any) -> tuple[str, str]:
    """The workspace and the organization that the payload names."""
    if isinstance(shape, shapes.Interaction):
        team = shape.team.id if shape.team else shape.user.team_id
        inside = shape.enterprise.id if shape.enterprise else shape.team and shape.team.enterprise_id
        return team or "", inside or ""
    return shape.team_id, getattr(shape, "enterprise_id", None) or ""
