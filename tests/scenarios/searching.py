"""Looks for secrets wherever the bot may have left them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import json
import re
import shlex
import sqlite3
import threading
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import psutil

from tests.scenarios.moments import database, is_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from sandbox.world import World

LONG_LINE = 16  # of a secret of several lines, each such line is a secret too
HIDDEN = "[redacted]"


def secrets_in(text: str | bytes, secrets: Mapping[str, str]) -> list[str]:
    """The names of the secrets that are in the text: as they are, escaped, encoded, or one of their lines."""
    content = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    return [name for name, value in secrets.items() if any(form in content for form in _forms(value))]


def _forms(value: str) -> Iterator[bytes]:
    for piece in (value.strip(), *(line for line in value.splitlines() if len(line) >= LONG_LINE)):
        in_json = json.dumps(piece)[1:-1]
        in_go = in_json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        for form in (piece, in_json, in_go, piece.replace("`", "'"), *_encoded(piece)):
            yield form.encode()
            yield html.escape(form, quote=False).encode()


def _encoded(piece: str) -> Iterator[str]:
    """As addresses, forms, shells, dumps and base64 have it, also when it is the middle of what was encoded."""
    for percent in (quote(piece, safe=""), quote(piece), quote_plus(piece)):
        yield percent
        yield re.sub("%..", lambda escape: escape[0].lower(), percent)
    yield shlex.quote(piece)
    yield piece.encode().hex()
    yield piece.encode().hex().upper()
    for before in ("", "x", "xx"):
        # Three bytes become four characters: what both ends share with their neighbours is left out.
        encoded = base64.b64encode(f"{before}{piece}".encode()).rstrip(b"=").decode()
        middle = encoded[4 if before else 0 : len(encoded) // 4 * 4 - 4]
        if len(middle) >= LONG_LINE // 2:
            yield middle
            yield middle.translate(str.maketrans("+/", "-_"))


def said_to_slack(world: World) -> Iterator[tuple[str, str]]:
    """Every call's arguments, every message as it stands, every file, by where it was."""
    for call in world.slack.calls:
        yield call.method, json.dumps(call.arguments, ensure_ascii=False)
    workspace = world.slack.workspace
    for messages in workspace.ephemerals.values():
        for message in messages:
            yield f"only to {message.ephemeral_for}", json.dumps([message.text, message.blocks], ensure_ascii=False)
    for file in workspace.files._files.values():
        yield file.name, (file.content or b"").decode()


def files_of(world: World, but: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Every file that the bot or its children left, less what lies in the directories `but`."""
    for path in sorted(world.files.rglob("*")):
        relative = path.relative_to(world.files)
        if not any(map(relative.is_relative_to, but)) and path.is_file() and not path.is_symlink():
            yield str(relative), path.read_bytes()


def stored_in_database(world: World) -> Iterator[tuple[str, bytes]]:
    """Every value of every table; where one is base64, what it encodes as well."""
    with closing(sqlite3.connect(database(world))) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the database's own names
                yield from ((table, value) for cell in row for value in _decoded(cell))


def _decoded(cell: object) -> Iterator[bytes]:
    content = cell if isinstance(cell, bytes) else str(cell).encode()
    yield content
    with suppress(binascii.Error, ValueError):
        yield base64.b64decode(content, validate=True)


class Watch:
    """What the children's arguments and environments ever were: (program, text)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._over = threading.Event()
        self.seen: set[tuple[str, str]] = set()
        self._known: set[tuple[int, bytes]] = set()

    def look(self) -> None:
        """Check repeatedly until stopped."""
        while not self._over.wait(0.02):
            for pid in psutil.pids():
                with suppress(psutil.Error, OSError):
                    self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        """Check a process that is new, or has another program by now: a check of all others would miss short ones."""
        started_as = Path(f"/proc/{pid}/cmdline").read_bytes()
        if (pid, started_as) in self._known:
            return
        process = psutil.Process(pid)
        arguments, environment = process.cmdline(), process.environ()
        if is_of(self._world, process):
            program = " ".join(arguments[:4])
            self.seen |= {(program, text) for text in arguments}
            self.seen |= {(program, f"{name}={value}") for name, value in environment.items()}
        self._known.add((pid, started_as))

    def stop(self) -> None:
        """End it."""
        self._over.set()


@asynccontextmanager
async def watching_children(world: World) -> AsyncIterator[Watch]:
    """Watch all that the bot starts, in a thread."""
    watch = Watch(world)
    looking = asyncio.create_task(asyncio.to_thread(watch.look))
    try:
        yield watch
    finally:
        watch.stop()
        await looking


def mrkdwn_in(content: Any) -> Iterator[str]:
    """Every piece of text in which Slack would see mentions and links."""
    if isinstance(content, list):
        for item in content:
            yield from mrkdwn_in(item)
    elif isinstance(content, dict):
        if content.get("type") == "mrkdwn":
            yield content["text"]
        for item in content.values():
            yield from mrkdwn_in(item)
