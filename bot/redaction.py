"""Removes secrets from text: the values that this process has, and published token shapes."""

from __future__ import annotations

import dataclasses
import html
import json
import logging
import re
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
HIDDEN = "[redacted]"
# Shorter values ("true", "db") would blank out half of every message; the plan's own masking covers them.
SHORTEST = 5
# A value with line breaks (a private key) may be printed line by line.
LINE_SHORTEST = 16

# Published prefixes: Slack, GitHub (docs.github.com, "token formats"), AWS access key ids, HCP Terraform, PEM keys.
TOKEN_SHAPES = re.compile(
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|xapp-[A-Za-z0-9-]{10,}"
    r"|gh[opsur]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}"
    r"|hooks\.slack\.com/(?:commands|actions|services)/[A-Za-z0-9/_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)


class Redactor:
    """Replaces secret values, and everything in the shape of a token, by "[redacted]".

    Values can be added while running (what a Terraform plan marks sensitive, for instance); they are held for the life
    of the process.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._longest_first: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these values from now on, as a whole and, for values of several lines, each long line.

        Also in their forms in Slack's mrkdwn and within quotes in JSON, Terraform's code or Ansible's output.
        """
        new = {form for secret in secrets for piece in _pieces(secret) for form in _forms(piece)} - self._values
        if new:
            self._values |= new
            # Longest first, or the end of a secret that begins with another secret would remain.
            self._longest_first = tuple(sorted(self._values, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        # A search for each value is far faster than an expression of all of them, and mostly none is present.
        present = [value for value in self._longest_first if value in text]
        without_values = re.sub("|".join(map(re.escape, present)), HIDDEN, text) if present else text
        return TOKEN_SHAPES.sub(HIDDEN, without_values)

    def holds_secret(self, text: str) -> bool:
        """Whether the text has a secret: a token's shape, or a value that is too long to match by chance."""
        has_value = any(len(value) >= LINE_SHORTEST and value in text for value in self._values)
        return has_value or TOKEN_SHAPES.search(text) is not None

    def within(self, value: T) -> T:
        """The same frozen dataclass, or JSON-like value, with every string redacted."""
        return cast("T", self.deep(value))

    def deep(self, value: object) -> object:
        """The same JSON-like value, or dataclass, with every string redacted, keys included; enums stay."""
        match value:
            case Enum():
                return value
            case str():
                return self(value)
            case dict():
                return {self.deep(key): self.deep(item) for key, item in value.items()}
            case list() | tuple():
                return type(value)(self.deep(item) for item in value)
            case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
                fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
                return dataclasses.replace(value, **{name: self.deep(item) for name, item in fields.items()})
            case _:
                return value


def _pieces(secret: str) -> set[str]:
    stripped = secret.strip()
    whole = {stripped} if len(stripped) >= SHORTEST else set()
    lines = stripped.splitlines() if "\n" in stripped else []
    return whole | {line.strip() for line in lines if len(line.strip()) >= LINE_SHORTEST}


def _forms(text: str) -> set[str]:
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    in_go = in_json.translate({ord(special): f"\\u{ord(special):04x}" for special in "<>&"})  # as Terraform writes JSON
    quoted = {text, json.dumps(text)[1:-1], in_json, in_go}
    escaped = quoted | {html.escape(form, quote=False) for form in quoted}
    return escaped | {form.replace("`", "'") for form in escaped}  # a backtick would end inline code, see blocks.kit


class RedactingFormatter(logging.Formatter):
    """Formats log records, tracebacks included, and redacts the outcome: the last thing before it leaves."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without secrets."""
        return self._redact(super().format(record))
