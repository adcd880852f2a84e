"""The telling end of a job's log, kept while the log streams by."""

from __future__ import annotations

import codecs
import re
from collections import deque

LONGEST_LINE = 500  # characters of a line that are kept
_TIMESTAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_COMMAND = re.compile(r"^##\[(\w+)\]")
_SPOKEN = {"error": "Error: ", "warning": "Warning: "}


class LogTail:
    """Takes a log in pieces and keeps its last `lines` lines, or those up to the last error that GitHub marked.

    After a failed step come the clean-up steps of all others, so the plain end of a log seldom tells why.
    """

    def __init__(self, lines: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""
        self._last: deque[str] = deque(maxlen=lines)
        self._up_to_error: list[str] = []

    def feed(self, piece: bytes) -> None:
        """Take the next piece; it may end anywhere."""
        *whole, rest = (self._unfinished + self._decoder.decode(piece)).split("\n")
        for line in whole:
            self._take(line)
        self._unfinished = rest[: LONGEST_LINE * 4]

    def text(self) -> str:
        """What to show; call it once the log has ended."""
        if self._unfinished:
            self._take(self._unfinished)
            self._unfinished = ""
        return "\n".join(self._up_to_error or self._last)

    def _take(self, line: str) -> None:
        plain = _ANSI.sub("", _TIMESTAMP.sub("", line.rstrip("\r")))
        command = _COMMAND.match(plain)
        kind = command.group(1) if command else ""
        if kind in ("endgroup", "debug"):
            return
        plain = _SPOKEN.get(kind, "") + (plain[command.end() :] if command else plain)
        self._last.append(plain if len(plain) <= LONGEST_LINE else plain[: LONGEST_LINE - 1] + "…")
        if kind == "error":
            self._up_to_error = list(self._last)
