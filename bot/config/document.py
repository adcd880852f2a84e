"""Reads YAML into plain values, with the line of every key and a fault for YAML that would be misread."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from bot.config import yaml_faults
from bot.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Keys = tuple[str | int, ...]

_LARGEST = 512 * 1024
_MOST_VALUES = 20_000  # counted with aliases, so this also stops a file that expands to millions
_DEEPEST = 40
_CORE = "tag:yaml.org,2002:"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")


@dataclass(slots=True)
class Document:
    """A parsed file: `data` as plain values (lists are tuples), the line of each key path, and the faults."""

    data: object = None
    lines: dict[Keys, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, keys: Keys) -> int | None:
        """The line of a key, or of the nearest key above it."""
        for length in range(len(keys), -1, -1):
            if keys[:length] in self.lines:
                return self.lines[keys[:length]]
        return None

    def fault(self, keys: Keys, problem: str) -> None:
        """Add a fault at a key."""
        self.faults.append(Fault(self.line(keys), path_of(keys), problem))


def path_of(keys: Keys) -> str:
    """A key path as text: environments.staging.machines[2]."""
    text = ""
    for position, key in enumerate(keys):
        # Somebody may have written a secret as a key.
        hidden = isinstance(key, str) and may_hold_secret(keys[:position]) and not _NAME.fullmatch(key)
        text += f"[{key}]" if isinstance(key, int) else f".{'(no name, not shown)' if hidden else key}"
    return text.removeprefix(".")


def may_hold_secret(keys: Keys) -> bool:
    """Whether people write secrets there by mistake, where the name of a variable belongs."""
    return any(str(key).startswith("secret_") or str(key).endswith("_env") for key in keys)


def read_text(path: Path) -> tuple[str, list[Fault]]:
    """The file's text, or the fault that prevents reading it."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return "", [Fault(None, "", "does not exist; copy signalbox.example.yaml, or name another file with --config")]
    except IsADirectoryError:
        return "", [Fault(None, "", "is a directory; name a file with --config")]
    except (OSError, ValueError) as error:
        return "", [Fault(None, "", f"cannot be read: {getattr(error, 'strerror', None) or error}")]
    if len(content) > _LARGEST:
        return "", [Fault(None, "", f"is larger than {_LARGEST // 1024} KB; check that it is the configuration file")]
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", [Fault(line, "", "is not UTF-8 text; save the file as UTF-8")]


def parse(text: str) -> Document:
    """Read YAML. Raises nothing: the document has the faults, and the data that could be read."""
    document = Document()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        document.faults.append(yaml_faults.fault_of(error, text))
    except yaml.YAMLError:
        document.faults.append(Fault(None, "", "is not valid YAML: it contains a control character; remove it"))
    except RecursionError:
        document.faults.append(Fault(None, "", "is nested too deeply; use fewer levels"))
    else:
        if node is not None:
            document.data = _Reader(document).value(node, (), 0)
    return document


class _TooLargeError(Exception):
    """The document expands to more values than any configuration has."""


class _Reader:
    """Turns YAML's nodes into values, and adds lines and faults to the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def value(self, node: yaml.Node, keys: Keys, depth: int) -> object:
        try:
            return self._value(node, keys, depth)
        except _TooLargeError:
            self._document.faults = [
                Fault(node.start_mark.line + 1, "", "expands to too many values; use fewer aliases and levels")
            ]
            return None

    def _value(self, node: yaml.Node, keys: Keys, depth: int) -> object:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise _TooLargeError
        self._document.lines.setdefault(keys, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == _CORE + "map":
            return self._mapping(node, keys, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == _CORE + "seq":
            return tuple(self._value(item, (*keys, index), depth + 1) for index, item in enumerate(node.value))
        return self._scalar(node, keys)

    def _mapping(self, node: yaml.MappingNode, keys: Keys, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.faults.append(Fault(line, path_of(keys), "a key must be plain text"))
                continue
            # The text of the key: YAML would read `on` as true, and `8080` as a number.
            key = key_node.value
            path = (*keys, key)
            if key_node.tag == _CORE + "merge":
                self._document.faults.append(
                    Fault(line, path_of(path), "merge keys (<<) are not supported; write the keys out")
                )
            elif key in values:
                first = self._document.lines[path]
                self._document.faults.append(
                    Fault(line, path_of(path), f"is defined twice; remove it here or in line {first}")
                )
            else:
                self._document.lines[path] = line
                values[key] = self._value(value_node, path, depth + 1)
        return values

    def _scalar(self, node: yaml.Node, keys: Keys) -> object:
        kind = node.tag.removeprefix(_CORE)
        if kind in {"str", "timestamp", "value"}:
            return node.value
        if kind == "null":
            return None
        if kind == "bool":
            return node.value.lower() in {"yes", "true", "on"}
        if kind in {"int", "float"}:
            return self._number(node, keys)
        self._document.fault(keys, "the YAML tag (!...) is not supported; remove it")
        return None

    def _number(self, node: yaml.Node, keys: Keys) -> object:
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            value = "this" if may_hold_secret(keys) else f'"{node.value[:40]}"'
            self._document.fault(keys, f"{value} is not a number; put text in quotes")
            return None


def keys_of(value: object) -> Mapping[str, object]:
    """The keys of a plain value; none where it is no mapping, which is a fault of its own."""
    return value if isinstance(value, dict) else {}


def texts_of(value: object) -> tuple[str, ...]:
    """The texts in a plain value; none where it is no list."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, tuple) else ()


def is_list_of_texts(value: object) -> bool:
    """Whether a value is missing or a list of texts; any other value has a fault of its own, and no rule applies to it."""
    return value is None or (isinstance(value, tuple) and all(isinstance(text, str) for text in value))
