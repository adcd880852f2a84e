"""Which backend the code of a directory names: its kind, and the settings that are plain texts.

Terraform itself parses the code (see validation.py), but reports no backend without connecting to it. So only the blocks `terraform`,
`backend` and `cloud` are read here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners.processes.foreign_files import read_regular
from runners.terraform.code_files import code_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST = 4 << 20  # bytes of a file
_TOKEN = re.compile(
    r'#[^\n]*|//[^\n]*|/\*.*?\*/|<<-?(\w+)\n.*?\n[ \t]*\1\b|"(?:\\.|[^"\\\n])*"|[{}=\n]|[\w.-]+', re.DOTALL
)
_KINDS = ("backend", "cloud")


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend, by kind ("s3", "remote", "cloud"); `settings` have nested keys as `workspaces.name`; `place` is file:line."""

    kind: str
    place: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_hcp(self) -> bool:
        """Whether HCP Terraform plans this code."""
        return self.kind in {"remote", "cloud"}


def backend_of(directory: Path, root: Path, program: str = "terraform") -> Backend | None:
    """The backend that the code of a directory names; None without one. `root` is the whole of the repository.

    `program` is the name of the program that reads the code: see code_files.py.
    """
    for path in code_files(directory, program):
        try:
            text = read_regular(path, most=_MOST, root=root).decode("utf-8", "replace")
        except OSError:
            continue  # Terraform itself reports it
        if backend := _in_json(text, path.name) if path.name.endswith(".json") else _in_hcl(text, path.name):
            return backend
    return None


def _in_hcl(text: str, name: str) -> Backend | None:
    """The backend in a file; the words before a brace name its block."""
    blocks: list[list[str]] = []
    words: list[str] = []
    backend: Backend | None = None
    settings: dict[str, str] = {}
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece == "{":
            blocks.append(words)
            if len(blocks) == 2 and blocks[0] == ["terraform"] and words[:1] and words[0] in _KINDS:
                place = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
                backend = Backend("cloud" if words == ["cloud"] else words[-1].strip('"'), place, settings)
            words = []
        elif piece == "}":
            _take(words, blocks, settings, inside=backend is not None)
            blocks, words = blocks[:-1], []
            if backend and len(blocks) < 2:
                return backend
        elif piece == "\n":
            _take(words, blocks, settings, inside=backend is not None)
            words = []
        elif not piece.startswith(("#", "//", "/*")):
            words.append(piece)
    return backend


def _take(words: list[str], blocks: list[list[str]], settings: dict[str, str], *, inside: bool) -> None:
    if inside and len(words) == 3 and words[1] == "=" and words[2].startswith('"'):
        above = [block[0] for block in blocks[2:] if block]
        settings[".".join([*above, words[0]])] = words[2].strip('"')


def _in_json(text: str, name: str) -> Backend | None:
    try:
        blocks = json.loads(text).get("terraform", {})
    except (ValueError, AttributeError):
        return None
    for block in blocks if isinstance(blocks, list) else [blocks]:
        for key in _KINDS if isinstance(block, dict) else ():
            if isinstance(written := block.get(key), dict):
                kind, values = ("cloud", written) if key == "cloud" else next(iter(written.items()), (key, {}))
                return Backend(kind, name, dict(_texts(values)))
    return None


def _texts(values: Any, above: str = "") -> list[tuple[str, str]]:
    if not isinstance(values, dict):
        return []
    texts = [(above + key, value) for key, value in values.items() if isinstance(value, str)]
    return texts + [text for key, value in values.items() for text in _texts(value, f"{above}{key}.")]
