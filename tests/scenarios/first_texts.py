"""What a phone displays of each message when it is posted: what happens, where, for whom; never that something starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.slack import people_seed as seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.slack import Message
    from sandbox.world import World

# An operation that somebody, or a schedule, requested; and one that is silent until it has something to report.
REQUESTED = re.compile(r"(Queued: )?\w[^#]* ([^#]+|of #\d+[^#]*), requested by \S+")
REPORTED = re.compile(r"#\d+ [^:]+: \S+ \S+.*")
# A word that says nothing by itself. Titles are in front of it, and end with a colon.
EMPTY = re.compile(r": (starting|planning|working|running|looking.*|waits for .*|queued behind .*|resolving.*)\.?$")


def check_first_texts(world: World) -> None:
    """Raises AssertionError, with all of them, for posts whose first text does not say what happens."""
    faults = [f"{message.channel}: {fault}: {message.first_text!r}" for message, fault in _faults(world)]
    assert not faults, "\n".join(faults)


def _faults(world: World) -> Iterator[tuple[Message, str]]:
    for channel in world.slack.workspace.channels.values():
        for message in channel.all_messages:
            if message.user == seed.BOT_USER_ID and (fault := _fault(message)):
                yield message, fault


def _fault(message: Message) -> str:
    text = message.first_text
    mark = str((message.metadata or {}).get("event_payload", {}).get("mark")).partition(":")[2]
    if not message.files and not text.strip():
        return "no text"
    if "\n" in text or len(text) > 600:
        return "more than a line"
    if EMPTY.search(text):
        return "says nothing yet"
    if mark == "message" and not (REQUESTED.fullmatch(text) or REPORTED.fullmatch(text)):
        return "neither what is requested and by whom, nor what is reported"
    return ""
