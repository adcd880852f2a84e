"""Requests that are refused before anything is done for them: counted, and logged at a limited rate."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import Counter

from bot.inbound.limited_log import LimitedLog

if TYPE_CHECKING:
    from bot.inbound.peers import Peers

log = logging.getLogger(__name__)
REFUSED = Counter(
    "signalbox_refused_requests", "Requests that were refused, by path and cause.", ["path", "cause"], registry=None
)


class RefusedError(Exception):
    """A request is refused: `status` and the message are the answer, `cause` is what the metric counts."""

    def __init__(self, status: int, words: str, cause: str) -> None:
        super().__init__(words)
        self.status = status
        self.cause = cause


class Refusals:
    """Answers, counts and logs what is refused."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._logs: dict[str, LimitedLog] = {}

    def answer(self, request: web.Request, error: RefusedError) -> web.Response:
        """The answer in words; `path` must be one of ours, never a stranger's."""
        self.note(request.path, error, self._peers.of(request))
        return web.json_response({"error": str(error)}, status=error.status)

    def note(self, path: str, error: RefusedError, peer: str) -> None:
        """Count and log a refusal of what came from this peer."""
        REFUSED.labels(path, error.cause).inc()
        limited = self._logs.setdefault(error.cause, LimitedLog(log))
        limited.warning("refused (%s) a request to %s by %.60s: %s", error.status, path, peer, error)
