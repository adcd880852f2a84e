"""A log as an answer: the first sign of trouble to the person, the whole as a file in the operation's thread, else by direct message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.follow_ups import linked
from bot.operations.outgoing import TextFile
from bot.slack.blocks import kit
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from runners.explain import explain_later
from runners.logs.failure_patterns import BUILT_IN
from runners.logs.scan import scan_text

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record
    from runners.results import Cause, LogReading

MOST = 1 << 20  # characters of a file: the end of a log
QUOTED = 900  # characters of the first sign of trouble
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Log:
    """A log: what it is of ("backend of #12"), its text, and a URL of the whole, which may be empty."""

    of: str
    text: str
    url: str = ""


async def deliver(services: Services, user: str, log: Log, record: Record | None = None) -> Message:
    """Upload the log, and answer with its first sign of trouble. It goes into the thread of `record`, else to the person alone."""
    text = services.redact(log.text)
    reading = await scan_text(text, BUILT_IN)
    # Redacted before it is cut: no pattern recognizes half a token.
    end = text if len(text) <= MOST else f"(the last {MOST >> 20} MB)\n{text[-MOST:].partition(chr(10))[2]}"
    name = f"log-{_NOT_IN_A_NAME.sub('-', log.of).strip('-').lower()[:60]}.txt"
    where = await _upload(services, user, record, TextFile(name, f"Log of {log.of}", end))
    excerpts = [reading.first_error.text] if reading.first_error else [finding.text for finding in reading.findings]
    cause = await explain_later(text) or await explain_later(*excerpts)
    return drawn(log, reading, cause, where)


def drawn(log: Log, reading: LogReading, cause: Cause | None, where: str) -> Message:
    """The answer: what the log is of, the likely cause, the first sign of trouble, where the file is (mrkdwn)."""
    title = f"Log of {kit.escape(log.of)}"
    findings = sorted(reading.findings, key=lambda finding: -finding.weight)
    excerpt = reading.first_error or next(iter(findings), None)
    lines = f"{reading.lines:,} lines"
    blocks = [kit.section(f":page_facing_up: *{kit.link(f'Log of {log.of}', log.url) if log.url else title}*, {lines}")]
    blocks += [kit.section(kit.escape(cause.text))] if cause else []
    if excerpt:
        lines_around = kit.with_context(excerpt.before, excerpt.text, excerpt.after)
        quoted = kit.preformatted(lines_around, QUOTED)
        blocks.append(kit.section(f"First sign of trouble, line {excerpt.line}:\n{quoted}"))
    else:
        blocks.append(kit.section("No line looks like a failure."))
    return kit.message(title, [*blocks, kit.context(where)])


async def _upload(services: Services, user: str, record: Record | None, file: TextFile) -> str:
    chat, name = services.chat, file.filename
    try:
        if record is not None and record.message_ts:
            at, of = Posted(record.channel, record.message_ts), await linked(services, record)
            where = kit.link(f"the thread of #{record.number}", of.url) if of.url else f"the thread of #{record.number}"
        else:
            at, where = Posted(await chat.direct_messages(user), ""), "your direct messages with me"
        if at.ts and await chat.has_file(at, name):  # the log may have grown since
            name = f"{name.removesuffix('.txt')}-{int(services.clock())}.txt"
        await chat.upload(at, filename=name, title=file.title, content=file.content)
    except ChatError as error:
        raise UserError(
            f"The file could not be uploaded: Slack answered {error.code}. Try again in a minute."
        ) from error
    return f"The whole log is in {where}."
