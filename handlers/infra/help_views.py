"""The help: by task, an example and a sentence for each command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.slack.blocks.replies import GIVE_COMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message

CHANGE, SEE, STOP, ITSELF = "Change something", "See what is going on", "Stop or close something", "Signalbox itself"
TASKS = (CHANGE, SEE, STOP, ITSELF)
# The button beside a task: its words, and the command that it gives.
BESIDE = {CHANGE: ("Deploy…", "/deploy"), SEE: ("Status", "/infra status"), STOP: ("Queue", "/infra queue")}
# The words of an example in place of the names of a usage.
_WORDS = {"number": "12", "reason": "testing a fix", "AMI id": "ami-0123456789abcdef0"}
_OPTIONAL, _REQUIRED = re.compile(r"\s*\[[^\]]*\]"), re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its task, an example and what it does."""

    task: str
    example: str
    summary: str


def example(usage: str, environment: str) -> str:
    """A command as somebody would type it about this environment: without what is optional, with words in place of names."""
    about = usage.replace("[environment]", "<environment>") if environment else usage

    def word(match: re.Match[str]) -> str:
        name = match[1].partition(" | ")[0]
        return (environment or "staging") if name == "environment" else _WORDS.get(name, name)

    return _REQUIRED.sub(word, _OPTIONAL.sub("", about)).partition(" | ")[0].strip()


def page(entries: Sequence[Entry], here: str, manual: str) -> Message:
    """All entries; `here` is the environment of this channel, "" for none, `manual` the address of the team's manual or ""."""
    title = f"What you may do in {here}'s channel" if here else "What you may do here"
    blocks = [kit.section(f"*{kit.escape(title)}*")]
    for task in TASKS:
        lines = [f"{kit.code(each.example)} {kit.escape(each.summary)}" for each in entries if each.task == task]
        for number, section in enumerate(kit.sections([f"*{task}*", *lines] if lines else [])):
            blocks.append(section | (_button(task) if number == 0 else {}))
    how = "All words of a command: `/infra help deploy`. The same words work in a message that begins with my name, and in direct messages."
    foot = [kit.context(how, *([kit.link("The manual", manual)] if manual else []))]
    return kit.message(kit.escape(title), blocks, foot=foot)


def usage(usage_line: str, summary: str) -> Message:
    """All words of one command."""
    text = f"{kit.code(usage_line, 300)}\n{kit.escape(summary)}"
    return kit.message(kit.escape(usage_line), [kit.section(text)])


def nothing(operators: str) -> Message:
    """For somebody who may do nothing; `operators` (mrkdwn) are those who may."""
    text = f"You may not run Signalbox's commands here. {operators} may: ask them to run one, or to add you to `access` in signalbox.yaml."
    return kit.message(text, [kit.section(text)])


def _button(task: str) -> Block:
    if task not in BESIDE:
        return {}
    words, command = BESIDE[task]
    return {"accessory": kit.button(words, GIVE_COMMAND, command)}
