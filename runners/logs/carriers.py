"""What other programs put before a line when they pass it on: Packer, BuildKit, an SSH action, the journal, and others."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import re2

from runners.logs.lines import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CARRIERS = 8  # before one line
_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_TIME_AND_ZONE = rf"\d{{4}}-\d\d-\d\dT{_TIME}(?:Z|[+-]\d\d:?\d\d)"


class Carrier(NamedTuple):
    """What a program puts before a line: an RE2 expression that matches no empty text, and a line that begins with it."""

    name: str
    pattern: str
    example: str


# The first that matches counts. None matches across the text of a message, and none is a failure by itself.
CARRIERS: tuple[Carrier, ...] = (
    Carrier(
        "packer",
        r"(?:==> |--> |    )(?:[\w.-]+(?: \(shell-local\))?|(?:[\w-]+ )+[\w-]+\.[\w.-]+):(?: |$)",
        "==> amazon-ebs.cron: text",
    ),
    # PACKER_LOG=1: Go's log package with the name of the plugin; "ui:" and "ui error:" show what people see.
    Carrier(
        "packer log",
        rf"\d{{4}}/\d\d/\d\d {_TIME} (?:(?:ui(?: error)?|packer[\w.-]*(?: plugin)?): )*",
        "2026/11/23 12:00:00 ui error: text",
    ),
    Carrier("packer machine-readable", r"\d{9,},[^,\n]*,(?:ui,)?(?:say|message|error),", "1795435200,,ui,error,text"),
    Carrier(
        "timestamp", rf"\[?{_TIME_AND_ZONE}\]?:? |\[\d{{4}}-\d\d-\d\d {_TIME}\] ", "2026-11-23T12:00:00+01:00: text"
    ),
    Carrier(
        "gh run view --log",
        rf"[^\t\n]+\t[^\t\n]+\t\W?{TIMESTAMP} ?",
        "build\tRun make\t2026-11-23T12:00:00.1234567Z text",
    ),
    # Ansible's log_path; the level is there since ansible-core 2.17.
    Carrier(
        "ansible log",
        rf"\d{{4}}-\d\d-\d\d {_TIME} p=\d+ u=\S+ (?:n=\S+ )?(?:[A-Z]+ ?)?\| ?",
        "2026-11-23 12:00:00,123 p=71 u=root n=ansible INFO| text",
    ),
    Carrier(
        "cloud-init log",
        rf"\d{{4}}-\d\d-\d\d {_TIME} - [\w.]+\[[A-Z]+\]: ",
        "2026-11-23 12:00:00,123 - cc_scripts_user.py[WARNING]: text",
    ),
    Carrier(
        "date",
        rf"\[?(?:\d{{4}}[-/.]\d\d[-/.]\d\d|\d\d[-/](?:[A-Z][a-z]{{2}}|\d\d)[-/]\d{{4}})[ T]{_TIME}(?: ?[+-]\d\d:?\d\d| UTC)?\]?:? +(?:\| )?",
        "[23-Nov-2026 12:00:00] text",
    ),
    Carrier(
        "ctime",
        rf"[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ \d]\d {_TIME} \d{{4}}(?: \(\d+\))?: ",
        "Mon Nov 23 12:00:00 2026 (398): text",
    ),
    Carrier(
        "journal",
        rf"(?:[A-Z][a-z]{{2}} [ \d]\d {_TIME}|{_TIME_AND_ZONE}) [\w.-]+ [\w@./()-]+(?:\[\d+\])?: ",
        "Nov 23 12:00:00 ip-10-0-1-12 queue-daemon[812]: text",
    ),
    Carrier("time", rf"\[?{_TIME}\]?:? +", "12:00:00  text"),
    Carrier("level", r"\[Container\] |<\d+>", "[Container] text"),
    Carrier("console", r"\[ *\d+\.\d+\] (?:[\w.@-]+\[\d+\]: )?", "[   12.345678] cloud-init[812]: text"),
    Carrier("syslog", r"[\w.@/-]+\[\d+\]: ", "cloud-init[812]: text"),
    Carrier("buildkit", r"#\d+ (?:\d+\.\d+ )?", "#13 0.581 text"),
    Carrier("buildkit summary", r"\d+\.\d{2,3} ", "0.581 text"),
    Carrier("ssh-action", r"(?:[\w.-]+(?::\d+)?: )?(?:out|err): ", "err: text"),
    Carrier("fabric", r"\[[\w.@:-]+\] (?:out|err|sudo|run): ", "[10.0.1.12] out: text"),
    Carrier("terraform", r"[\w.\[\]\"-]+ \((?:remote|local)-exec\): ", "aws_instance.cron[0] (remote-exec): text"),
    Carrier("stream", r"\[(?:std)?(?:out|err)(?:or)?\]:? ?|(?:STDERR|STDOUT|stderr|stdout): ", "[stderr] text"),
    Carrier("compose", r"(?:\[[^\]\n]{1,80}\]|[\w.@/-]+(?: std(?:out|err))?) *\| ", "web-1  | text"),
    Carrier("workspaces", r"[\w@./-]+:(?:build|test|lint|dev|start|install|typecheck): ", "web:build: text"),
    Carrier("concurrently", r"\[\w[\w.:-]*\] ", "[api] text"),
    Carrier("github", r"##\[error\]", "##[error]text"),
    Carrier("box", r"[│┃] ", "│ text"),
    Carrier("blanks", r"[ \t]+", "   text"),
)


_KINDS = [re.compile(carrier.pattern, re.ASCII) for carrier in CARRIERS]
_BUILT_IN = re.compile("|".join(f"(?:{carrier.pattern})" for carrier in CARRIERS), re.ASCII)


class Carriers:
    """The built-in carriers, after those of the configuration (`images.log_prefix`)."""

    def __init__(self, configured: Sequence[str] = ()) -> None:
        patterns = (*configured, *(carrier.pattern for carrier in CARRIERS))
        self.expression = "|".join(f"(?:{pattern})" for pattern in patterns)
        options = re2.Options()
        options.log_errors = False
        options.never_nl = True
        self._configured = [re2.compile(pattern, options) for pattern in configured]
        self.texts = lru_cache(maxsize=64)(self._texts)

    def _texts(self, line: str) -> tuple[str, ...]:
        """The line, and what remains of it after each carrier, with and without indentation."""
        texts = [line, *(line[end:] for end in self.ends(line))]
        return tuple(dict.fromkeys((*texts, *(text.lstrip(" \t") for text in texts))))

    def ends(self, line: str) -> list[int]:
        """Where each of the line's carriers ends, in characters."""
        ends: list[int] = []
        at = 0
        while len(ends) < MOST_CARRIERS and (length := self._length(line[at:])):
            at += length
            ends.append(at)
        return ends

    def kinds(self, prefix: str) -> tuple[re.Pattern[str], ...]:
        """Expressions for the carriers that a line begins with, so that they can be taken off the lines after it."""
        kinds: list[re.Pattern[str]] = []
        at = 0
        for end in self.ends(prefix):
            kinds += [kind for kind in (*self._configured, *_KINDS) if kind.fullmatch(prefix[at:end])][:1]
            at = end
        return tuple(kinds)

    def _length(self, text: str) -> int:
        for pattern in self._configured:
            if (match := pattern.match(text)) and match.end():
                return int(match.end())
        match = _BUILT_IN.match(text)
        return match.end() if match else 0
