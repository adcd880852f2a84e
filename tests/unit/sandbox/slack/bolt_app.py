"""A tiny Bolt app: a command, a button, a modal with errors, a Home tab; over HTTP or Socket Mode."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient

    from sandbox.slack import SlackStandIn

MODAL = {
    "type": "modal",
    "callback_id": "deploy",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Deploy"},
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [
        {
            "type": "input",
            "block_id": "environment",
            "label": {"type": "plain_text", "text": "Environment"},
            "element": {
                "type": "static_select",
                "action_id": "environment",
                "options": [
                    {"text": {"type": "plain_text", "text": "Staging"}, "value": "staging"},
                    {"text": {"type": "plain_text", "text": "Prod"}, "value": "prod"},
                ],
            },
        },
        {
            "type": "input",
            "block_id": "ref",
            "label": {"type": "plain_text", "text": "Ref"},
            "element": {"type": "plain_text_input", "action_id": "ref", "min_length": 2},
        },
    ],
}
APPROVAL: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Apply *3 changes*?"}},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "approve", "value": "12", "text": {"type": "plain_text", "text": "Approve"}}
        ],
    },
]


class BoltApp:
    """What it heard is in `heard`; `start` before use."""

    def __init__(self, slack: SlackStandIn, token: str, secret: str) -> None:
        self.heard: list[str] = []
        client = AsyncWebClient(base_url=f"{slack.url}/api/", token=token)
        self.app = AsyncApp(client=client, signing_secret=secret)
        self.app.command("/deploy")(self._command)
        self.app.action("approve")(self._approve)
        self.app.view("deploy")(self._submitted)
        self.app.view_closed("deploy")(self._closed)
        self.app.event("app_home_opened")(self._home)
        self.app.event("message")(self._message)
        self._runner: web.AppRunner | None = None
        self.sockets: list[AsyncSocketModeHandler] = []

    async def listen(self) -> str:
        """Serve HTTP; the request URL."""
        self._runner = web.AppRunner(self.app.web_app(path="/slack/events"), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events"

    async def connect(self, app_token: str) -> None:
        """Open one Socket Mode connection more."""
        handler = AsyncSocketModeHandler(self.app, app_token, ping_interval=1)
        self.sockets.append(handler)
        await handler.connect_async()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Close everything."""
        for handler in self.sockets:
            await _close(handler.client)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _command(self, ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        self.heard.append(f"{body['command']} {body['text']}".strip())
        if not body["text"]:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
            return
        await ack("on it")
        await client.chat_postMessage(channel=body["channel_id"], text="Apply 3 changes?", blocks=APPROVAL)

    async def _approve(self, ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        self.heard.append(f"approve {body['actions'][0]['value']} by {body['user']['id']}")
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=body["message"]["ts"],
            text=f"Approved by <@{body['user']['id']}>",
            blocks=[],
        )

    async def _submitted(self, ack: Any, view: dict[str, Any], body: dict[str, Any]) -> None:
        values = view["state"]["values"]
        ref = values["ref"]["ref"]["value"]
        if ".." in ref:
            await ack(response_action="errors", errors={"ref": "No such ref."})
            return
        await ack()
        environment = values["environment"]["environment"]["selected_option"]["value"]
        self.heard.append(f"submit {environment} {ref} by {body['user']['id']}")

    async def _closed(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        self.heard.append(f"closed by {body['user']['id']}")

    async def _home(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Operations"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async def _message(self, event: dict[str, Any]) -> None:
        self.heard.append(f"message {event['text']}")


async def _close(client: SocketModeClient) -> None:
    """Close what `close` leaves open when the client is just connecting again: it checks the old connection only."""
    await client.close()  # type: ignore[no-untyped-call]
    tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
    if client.current_session is not None:
        await client.current_session.close()
    await client.aiohttp_client_session.close()
