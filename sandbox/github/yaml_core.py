"""Reads YAML by the core schema of YAML 1.2, as GitHub reads workflow files: `on`, `yes` and `12:30` are strings."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_PREFIX = "tag:yaml.org,2002:"
_FLOATS = {"inf": math.inf, "nan": math.nan}
_SCALARS = (
    ("null", r"null|Null|NULL|~|", "nN~\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
)


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with another idea of what is a number, a boolean or a date."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's name for a class's own

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)

    def construct_real(self, node: yaml.ScalarNode) -> float:
        text = str(self.construct_scalar(node))
        word = text.lower().lstrip("+-").removeprefix(".")
        return (-1 if text.startswith("-") else 1) * _FLOATS[word] if word in _FLOATS else float(text)


for _name, _pattern, _first in _SCALARS:
    _CoreLoader.add_implicit_resolver(
        _PREFIX + _name, re.compile(rf"^(?:{_pattern})$"), ["" if each == "\0" else each for each in _first]
    )
_CoreLoader.add_constructor(f"{_PREFIX}int", _CoreLoader.construct_integer)
_CoreLoader.add_constructor(f"{_PREFIX}float", _CoreLoader.construct_real)


def load(text: str) -> Any:
    """What a YAML text stands for. Raises yaml.YAMLError."""
    try:
        return yaml.load(text, _CoreLoader)  # noqa: S506 -- a safe loader
    except ValueError as error:  # such as `!!int x`
        raise yaml.YAMLError(str(error)) from error
