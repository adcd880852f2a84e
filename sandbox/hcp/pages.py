"""A small page for each run: its status, its logs, and the buttons for people."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.hcp.web import ApiError

if TYPE_CHECKING:
    from sandbox.hcp.model import Run
    from sandbox.hcp.site import Site

WHO = "max"  # the person who presses the buttons
_STYLE = "body{font:15px system-ui;max-width:60em;margin:2em auto;padding:0 1em}pre{background:#1112;padding:1em;overflow:auto}"


class Pages:
    """The pages that the bot's links open; they need no token."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        path = "/app/{organization}/workspaces/{workspace}/runs/{id}"
        return [web.get(path, self._show), web.post(path + "/{action:apply|discard|cancel}", self._act)]

    async def _show(self, request: web.Request) -> web.Response:
        try:
            run = self._site.run(request.match_info["id"])
        except ApiError:
            return web.Response(status=404, text="There is no such run.")
        return web.Response(text=_page(run), content_type="text/html")

    async def _act(self, request: web.Request) -> web.Response:
        try:
            self._site.runs.act(self._site.run(request.match_info["id"]), request.match_info["action"], WHO)
        except ApiError as error:
            return web.Response(status=error.status, text=error.errors[0].get("detail", ""))
        raise web.HTTPSeeOther(request.path.rpartition("/")[0])


def _page(run: Run) -> str:
    buttons = [("apply", "Confirm & Apply", run.confirmable), ("discard", "Discard run", run.discardable)]
    buttons.append(("cancel", "Cancel run", run.cancelable))
    # Absolute paths: the page's own has no slash at its end.
    path = f"/app/{run.workspace.organization}/workspaces/{run.workspace.name}/runs/{run.id}"
    forms = "".join(
        f'<form method="post" action="{path}/{action}"><button>{escape(label)}</button></form>'
        for action, label, offered in buttons
        if offered
    )
    logs = "".join(f"<h2>{name}</h2><pre>{_log(run, name)}</pre>" for name in ("plan", "apply"))
    comments = "".join(f"<li>{escape(who)}: {escape(text)}</li>" for who, text in run.comments)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{run.id}</title><style>{_STYLE}</style>"
        f"<h1>{escape(run.message)}</h1><p>{run.workspace.organization}/{run.workspace.name} · {run.id} · "
        f"<b>{escape(run.status.replace('_', ' '))}</b></p>{forms}<ul>{comments}</ul>{logs}</html>"
    )


def _log(run: Run, name: str) -> str:
    stage = run.plan if name == "plan" else run.apply
    return escape(stage.log.read_text(errors="replace")) if stage.log else "not begun"
