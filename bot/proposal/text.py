"""Writes the lines of a configuration."""

from __future__ import annotations

from typing import Any

import yaml

_WIDE = 10_000


class _Plain(yaml.SafeDumper):
    """Writes a value that stands twice twice, without an anchor."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  -- PyYAML's
        return True


def value(written: Any) -> str:
    """A value on one line, as YAML's flow style has it."""
    text = yaml.dump(written, Dumper=_Plain, default_flow_style=True, width=_WIDE, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def entry(key: str, written: Any, *, indent: int = 0, comment: str = "") -> str:
    """A key with a value on one line, and a comment behind it."""
    line = f"{' ' * indent}{value(key)}: {value(written)}"
    return f"{line}   # {comment}" if comment else line


def comment(text: str, *, indent: int = 0) -> str:
    """A line that is not read."""
    return f"{' ' * indent}# {text}"
