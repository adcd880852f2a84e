"""Removes secrets from text: the values that this process has, and published token shapes."""

from __future__ import annotations

import dataclasses
import json
import logging
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

import re2

from runners.results import IDENTIFIER
from runners.spellings import Masker, well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
HIDDEN = "[redacted]"
LONG = 16  # characters of a value that no text has by chance

# Published prefixes: Slack, GitHub (docs.github.com, "token formats"), AWS access key ids, HCP Terraform, PEM keys.
TOKEN_SHAPES = re2.compile(
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|xapp-[A-Za-z0-9-]{10,}"
    r"|gh[opsur]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}"
    r"|hooks\.slack\.com/(?:commands|actions|services)/[A-Za-z0-9/_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
)


class Redactor:
    """Replaces secret values, in every spelling, and everything in the shape of a token, by "[redacted]".

    The values are the process's own secrets. What a plan marks sensitive is masked by what reads that plan.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = frozenset(secrets)
        self._mask = Masker(values, HIDDEN)
        self._mask_long = Masker(values, HIDDEN, shortest=LONG)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return str(TOKEN_SHAPES.sub(HIDDEN, self._mask(well_formed(text))))

    def holds_secret(self, text: str) -> bool:
        """Whether the text has a secret: a token's shape, or a value that is too long to match by chance."""
        return self._mask_long.finds_any(text) or TOKEN_SHAPES.search(well_formed(text)) is not None

    def within(self, value: T) -> T:
        """The same frozen dataclass, or JSON-like value, with every text redacted; enums and identifiers stay."""
        return cast("T", self._deep(value))

    def _deep(self, value: object) -> object:
        match value:
            case Enum():
                return value
            case str():
                return self(value)
            case dict():
                return {self._deep(key): self._deep(item) for key, item in value.items()}
            case list() | tuple():
                return type(value)(self._deep(item) for item in value)
            case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
                texts = [field.name for field in dataclasses.fields(value) if field.metadata != IDENTIFIER]
                return dataclasses.replace(value, **{name: self._deep(getattr(value, name)) for name in texts})
            case _:
                return value


class RedactingFormatter(logging.Formatter):
    """Formats log records, tracebacks included, and cleans the outcome: the last thing before it leaves.

    Further lines of a message are indented, so that no text looks like an entry of its own.
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without secrets."""
        return self._clean(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  -- the name is logging's
        """The line without its traceback."""
        return "\n    ".join(super().formatMessage(record).splitlines())


class JsonFormatter(logging.Formatter):
    """Formats each log record as a line of JSON, whose texts are cleaned as those of RedactingFormatter are."""

    def __init__(self, clean: Callable[[str], str], operation: Callable[[], int | None]) -> None:
        super().__init__()
        self._clean = clean
        self._operation = operation

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object: time, level, logger, message, and where they apply operation and error."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        line["message"] = self._clean(record.getMessage())
        if (number := self._operation()) is not None:
            line["operation"] = number
        if record.exc_info:
            line["error"] = self._clean(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = self._clean(self.formatStack(record.stack_info))
        return json.dumps(line)
