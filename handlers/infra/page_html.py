"""Draws the page of an operation as HTML without scripts. Each foreign text passes `_text`."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from runners import phrases
from runners.invisible import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handlers.infra.operation_page import PageContent, PageLog, Step

REFRESH = 5  # seconds, while an operation has not ended
STYLE = """
:root { color-scheme: light dark; --text: #1d1c1d; --quiet: #616061; --ground: #fff; --box: #f6f6f6; --line: #ddd; --good: #116329; --bad: #b3261e; --busy: #0b5394; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --quiet: #ababad; --ground: #1a1d21; --box: #222529; --line: #3a3d42; --good: #7ee2a8; --bad: #ff9a90; --busy: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: var(--text); background: var(--ground); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; } .quiet { color: var(--quiet); } .succeeded { color: var(--good); } .failed, .interrupted { color: var(--bad); } .running, .waiting, .approval { color: var(--busy); }
.cause { border-left: 4px solid var(--bad); padding: .5rem .75rem; background: var(--box); }
ol, ul { margin: 0; padding: 0; list-style: none; } li { padding: .35rem 0; border-top: 1px solid var(--line); } li time { color: var(--quiet); font-variant-numeric: tabular-nums; margin-right: .5rem; }
pre { margin: .25rem 0 0; padding: .75rem; overflow-x: auto; background: var(--box); border: 1px solid var(--line); border-radius: 6px; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; }
code { font: 14px ui-monospace, monospace; } a { color: inherit; } .state { display: inline-block; min-width: 6rem; }
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# In the order of a plan: what is lost first.
_LOST = frozenset({"delete", "replace", "replace-keeping-old", "forget"})


def page(content: PageContent) -> str:
    """The page of an operation; while it has not ended it loads itself again."""
    title = f"#{content.number} {content.title}"
    took = (content.ended_at or content.now) - content.created_at
    state = f"{content.status}{f', {content.activity}' if content.activity else ''}"
    body = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="{_text(content.status)}"><strong>{_text(state)}</strong> {_text(_after(content, took))}</p>',
        f'<p class="quiet">Requested by {_text(content.requester)}, {_time(content.created_at)}</p>',
        f'<p class="cause">{_prose(content.cause)}</p>' if content.cause else "",
        *_plan(content),
        *_logs(content),
        "<h2>Steps</h2>",
        f"<ol>{''.join(map(_step, content.steps))}</ol>",
        '<p class="quiet">The audit log of Signalbox. The messages, with their buttons, are in Slack.</p>',
    ]
    return _document(title, body, refresh=content.ended_at is None)


def refusal(text: str) -> str:
    """A page that only says why there is none."""
    return _document("Signalbox", [f"<h1>No page here</h1><p>{_text(text)}</p>"], refresh=False)


def _document(title: str, body: Iterable[str], *, refresh: bool) -> str:
    again = f'<meta http-equiv="refresh" content="{REFRESH}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"{again}<title>{_text(title)}</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>"
    )


def _after(content: PageContent, took: float) -> str:
    return f"{'after' if content.ended_at is not None else 'for'} {phrases.duration(took)}"


def _plan(content: PageContent) -> list[str]:
    if not content.changes:
        return []
    rows = [
        f'<li><span class="state{" failed" if change in _LOST else ""}">{_text(change)}</span> <code>{_text(address)}</code></li>'
        for address, change in content.changes
    ]
    more = [f'<li class="quiet">and {content.more_changes} more</li>'] if content.more_changes else []
    return ["<h2>Plan</h2>", f"<ul>{''.join([*rows, *more])}</ul>"]


def _logs(content: PageContent) -> list[str]:
    problem = [f'<p class="quiet">Logs could not be read: {_text(content.problem)}</p>'] if content.problem else []
    if not content.logs:
        return problem
    return ["<h2>Logs</h2>", *problem, *map(_log, content.logs)]


def _log(log: PageLog) -> str:
    name = _text(log.name)
    safe = log.url.startswith("https://")
    linked = f'<a href="{_text(log.url)}" rel="noreferrer noopener">{name}</a>' if safe else name
    text = f"<pre>{_text(log.text)}</pre>" if log.text else ""
    return f'<p>{linked} <span class="{_text(log.state)}">{_text(log.state)}</span></p>{text}'


def _step(step: Step) -> str:
    by = f" by {_text(step.actor)}" if step.actor != "signalbox" else ""
    changed = "" if step.intact else ' <strong class="failed">not as Signalbox wrote it</strong>'
    details = f' <span class="quiet">{_text(step.details)}</span>' if step.details else ""
    return f"<li>{_time(step.at)}<strong>{_text(step.what)}</strong>{by}{details}{changed}</li>"


def _time(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M:%S} UTC</time>'


def _prose(text: str) -> str:
    """A sentence of our own, in which backticks are code."""
    return "".join(f"<code>{_text(part)}</code>" if at % 2 else _text(part) for at, part in enumerate(text.split("`")))


def _text(text: str) -> str:
    return escape("\n".join(named(line) for line in text.split("\n")), quote=True)
