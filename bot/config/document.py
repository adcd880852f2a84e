"""YAML with the line of every key: reads text into plain values and refuses what would mislead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from bot.errors import Fault

if TYPE_CHECKING:
    from pathlib import Path

Keys = tuple[str | int, ...]

_LARGEST = 512 * 1024
_MOST_VALUES = 20_000  # aliases are followed, so this also stops a file that unfolds into millions
_DEEPEST = 40
_CORE = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Document:
    """What a file holds: `data` as plain values (lists are tuples), the line of each key path, and what is wrong."""

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
        """Notes what is wrong at a key."""
        self.faults.append(Fault(self.line(keys), path_of(keys), problem))


def path_of(keys: Keys) -> str:
    """A key path as people read it: environments.staging.machines[2]."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.removeprefix(".")


def read_text(path: Path) -> tuple[str, list[Fault]]:
    """The file's text, or a fault that says why it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return "", [Fault(None, "", "is not there; copy signalbox.example.yaml, or name another file with --config")]
    except IsADirectoryError:
        return "", [Fault(None, "", "is a directory; name the file in it with --config")]
    except (OSError, ValueError) as error:
        return "", [Fault(None, "", f"cannot be read: {getattr(error, 'strerror', None) or error}")]
    if len(content) > _LARGEST:
        return "", [Fault(None, "", f"is larger than {_LARGEST // 1024} KB; that is no configuration")]
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", [Fault(line, "", "is not UTF-8 text; save the file as UTF-8")]


def parse(text: str) -> Document:
    """Reads YAML. Never raises: what is wrong is in the document's faults, and its data is what could be read."""
    document = Document()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.faults.append(Fault(mark.line + 1 if mark else None, "", f"is not valid YAML: {_words(error)}"))
    except yaml.YAMLError:
        document.faults.append(Fault(None, "", "is not valid YAML: it holds a character that text cannot hold"))
    except RecursionError:
        document.faults.append(Fault(None, "", "is nested too deeply"))
    else:
        if node is not None:
            document.data = _Reader(document).value(node, (), 0)
    return document


def _words(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's words, and what is usually behind those that puzzle people."""
    problem = " ".join(str(error.problem or error.context or "it cannot be read").split())
    if r"'\t'" in problem:
        return "a tab; YAML is indented by spaces"
    if "mapping values are not allowed" in problem:
        return "a second colon in the line, or a wrong indentation; put text with a colon in quotes"
    if "expected a single document" in str(error.context):
        return 'a second document begins here ("---"); there can be only one'
    return problem


class _TooMuchError(Exception):
    """The document unfolds into more than any configuration holds."""


class _Reader:
    """Turns YAML's nodes into values, noting lines and faults in the document as it goes."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def value(self, node: yaml.Node, keys: Keys, depth: int) -> object:
        try:
            return self._value(node, keys, depth)
        except _TooMuchError:
            self._document.faults = [
                Fault(node.start_mark.line + 1, "", "unfolds into far too much; use fewer aliases")
            ]
            return None

    def _value(self, node: yaml.Node, keys: Keys, depth: int) -> object:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise _TooMuchError
        self._document.lines.setdefault(keys, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == _CORE + "map":
            return self._mapping(node, keys, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == _CORE + "seq":
            return tuple(self._value(one, (*keys, index), depth + 1) for index, one in enumerate(node.value))
        return self._scalar(node, keys)

    def _mapping(self, node: yaml.MappingNode, keys: Keys, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.faults.append(Fault(line, path_of(keys), "a key must be plain text"))
                continue
            # The text as written: YAML would read `on` as true, and `8080` as a number.
            key = key_node.value
            path = (*keys, key)
            if key_node.tag == _CORE + "merge":
                self._document.faults.append(Fault(line, path_of(path), "merge keys are not read; write the keys out"))
            elif key in found:
                first = self._document.lines[path]
                self._document.faults.append(
                    Fault(line, path_of(path), f"is there twice; the first is in line {first}")
                )
            else:
                self._document.lines[path] = line
                found[key] = self._value(value_node, path, depth + 1)
        return found

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
        self._document.fault(keys, f'the tag "{node.tag[:40]}" means nothing here')
        return None

    def _number(self, node: yaml.Node, keys: Keys) -> object:
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            self._document.fault(keys, f'"{node.value[:40]}" is no number')
            return None
