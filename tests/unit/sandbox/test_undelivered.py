"""What is printed while a receiver is away."""

from __future__ import annotations

import aiohttp
import pytest

from sandbox.undelivered import Undelivered


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerDisconnectedError(), "the connection broke before an answer"),
    ],
)
def test_what_is_not_delivered_is_told_once_until_one_gets_through(
    capsys: pytest.CaptureFixture[str], error: aiohttp.ClientError | TimeoutError, why: str
) -> None:
    undelivered = Undelivered("webhook", like="the real GitHub")
    undelivered.missed("ping", "http://here", error)
    undelivered.missed("push", "http://here", error)
    undelivered.missed("push", "http://there", error)
    undelivered.received("http://here")
    undelivered.received("http://here")
    undelivered.missed("push", "http://here", error)
    undelivered.received("http://here")
    lines = [line.partition(". Like")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"The webhook ping was not delivered to http://here: {why}",
        f"The webhook push was not delivered to http://there: {why}",
        "Webhooks get through to http://here again; 2 were lost.",
        f"The webhook push was not delivered to http://here: {why}",
        "Webhooks get through to http://here again; 1 was lost.",
    ]


@pytest.mark.parametrize(
    ("like", "sender"), [("the real GitHub", "Like the real GitHub, the sandbox"), (None, "The sandbox")]
)
def test_it_says_whom_the_sandbox_takes_after_where_that_is_known(
    capsys: pytest.CaptureFixture[str], like: str | None, sender: str
) -> None:
    Undelivered("notification", like=like).missed("run:created", "http://here", TimeoutError())
    assert capsys.readouterr().out == (
        "The notification run:created was not delivered to http://here: no answer in time. "
        f"{sender} sends neither this one again by itself nor any that is lost after it.\n"
    )
