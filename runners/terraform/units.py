"""Terragrunt's units in a directory of the code, and their order: read from the files, without running anything of them.

What a function or a local decides that is not known here (`run_cmd`, `read_terragrunt_config`) leaves the order of that
dependency unknown, which is reported. Semantics: docs/src/content/docs/04-reference/01-hcl of gruntwork-io/terragrunt v1.1.4.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.processes.foreign_files import read_regular
from runners.terraform.code_files import TOFU, code_files
from runners.terraform.hcl import Block, Scope, Tokens, parse
from runners.terraform.terragrunt import UNIT_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SKIPPED = frozenset([".terragrunt-cache", ".terraform", ".git"])
_MOST = 1 << 20  # bytes of a file
_ROOT_CONFIG = "terragrunt.hcl"  # the default of find_in_parent_folders


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its path below the directory ("." for the directory itself).

    `after` are the units there whose changes come before its own. `unclear` are the reasons why that may not be all.
    """

    name: str
    after: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


def units_in(directory: Path, root: Path) -> tuple[Unit, ...]:
    """The units in and below a directory, by name. `root` is the whole of the repository, which no file leaves."""
    files = {path.parent: path for path in _files(directory)}
    read = {path: _Reader(path, root) for path in files.values()}
    units = {place: reader for place, path in files.items() if (reader := read[path]).is_unit}
    return tuple(
        sorted(
            (_unit(place, reader, directory, units.keys()) for place, reader in units.items()),
            key=lambda each: each.name,
        )
    )


def _unit(place: Path, reader: _Reader, directory: Path, places: Any) -> Unit:
    wanted, unclear = reader.dependencies()
    after = sorted({_name(each, directory) for each in wanted if each in places and each != place})
    return Unit(_name(place, directory), tuple(after), tuple(dict.fromkeys(unclear)))


def _name(place: Path, directory: Path) -> str:
    return place.relative_to(directory).as_posix()


def _files(directory: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(set(folders) - _SKIPPED)
        if file := next((name for name in UNIT_FILES if name in names), None):
            yield Path(folder) / file


class _Reader:
    """The configuration of one unit, with the files that it includes."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root, self._unclear = file, root, list[str]()
        self._included: Path | None = None  # the first file that the unit includes
        self._body = self._read(file)

    @property
    def is_unit(self) -> bool:
        """Whether it has a module. Terragrunt skips files without, such as those that others include."""
        own = self._body is None or self._body.of("terraform") or self._body.of("include")
        return bool(own or code_files(self._file.parent, TOFU))

    def dependencies(self) -> tuple[list[Path], list[str]]:
        """The directories of the units that it depends on, and why there may be more."""
        if self._body is None:
            return [], self._unclear
        bodies = [(self._body, self._file), *self._includes(self._body)]
        paths = [path for body, file in bodies for path in self._of(body, file)]
        return paths, self._unclear

    def _includes(self, body: Block) -> Iterator[tuple[Block, Path]]:
        scope = self._scope(body, self._file)
        for include in body.of("include"):
            path = scope.text(include.attributes.get("path", ()))
            if path is None:
                self._unclear.append("the path of an `include` is not a plain one")
                continue
            file = self._normal(path)
            self._included = self._included or file
            if (included := self._read(file)) is not None:
                yield included, file

    def _of(self, body: Block, file: Path) -> Iterator[Path]:
        scope = self._scope(body, file)
        for block in body.of("dependency"):
            if block.attributes.get("enabled") != (("name", "false"),):
                yield from self._resolved(scope.text(block.attributes.get("config_path", ())), block.labels)
        for block in body.of("dependencies"):
            for path in scope.texts(block.attributes.get("paths", ())):
                yield from self._resolved(path, ("dependencies",))

    def _resolved(self, path: str | None, labels: Sequence[str]) -> Iterator[Path]:
        if path is None:
            self._unclear.append(f"the path of the dependency {' '.join(labels)} is not a plain one")
            return
        target = self._normal(path)
        yield target.parent if target.name in UNIT_FILES else target

    def _normal(self, path: str) -> Path:
        return Path(os.path.normpath(self._file.parent / path))

    def _read(self, file: Path) -> Block | None:
        try:
            text = read_regular(file, most=_MOST, root=self._root).decode("utf-8")
            return _from_json(json.loads(text)) if file.name.endswith(".json") else parse(text)
        except (OSError, ValueError) as error:
            name = os.path.relpath(file, self._root)
            self._unclear.append(f"{name} cannot be read: {error.strerror if isinstance(error, OSError) else error}")
            return None

    def _scope(self, body: Block, file: Path) -> Scope:
        """What is known in a file of this unit; `file` is the unit's own, or one that it includes."""
        unit, root = str(self._file.parent), str(self._root)
        parent = str((file if file != self._file else self._included or self._file).parent)
        own = {name: tokens for block in body.of("locals") for name, tokens in block.attributes.items()}
        relative = os.path.relpath
        return Scope(
            {
                "get_terragrunt_dir": lambda _: unit,
                "get_original_terragrunt_dir": lambda _: unit,
                "get_parent_terragrunt_dir": lambda _: parent,
                "get_repo_root": lambda _: root,
                "get_path_to_repo_root": lambda _: relative(root, unit),
                "get_path_from_repo_root": lambda _: relative(unit, root),
                "path_relative_to_include": lambda _: relative(unit, parent),
                "path_relative_from_include": lambda _: relative(parent, unit),
                "find_in_parent_folders": self._find_in_parents,
                "dirname": lambda words: os.path.dirname(words[0]) if words and words[0] else None,  # noqa: PTH120 - of text
                "basename": lambda words: os.path.basename(words[0]) if words and words[0] else None,  # noqa: PTH119
            },
            own,
        )

    def _find_in_parents(self, words: Sequence[str | None]) -> str | None:
        name = words[0] if words else _ROOT_CONFIG
        if name is None:
            return None
        for folder in self._file.parent.parents:
            if not folder.is_relative_to(self._root):
                break
            if (folder / name).exists():
                return str(folder / name)
        return words[1] if len(words) > 1 else None


def _from_json(document: Any) -> Block:
    """The body in JSON: only what is read here. Raises ValueError for another form."""
    if not isinstance(document, dict):
        raise ValueError("no object")  # noqa: TRY004 - what the caller expects of a file that cannot be read
    blocks = [Block(kind) for kind in ("terraform",) if kind in document]
    for kind, key in (("include", "path"), ("dependency", "config_path")):
        for label, values in _objects(document.get(kind)):
            blocks.append(Block(kind, (label,), {key: _text(values.get(key))}))
    for _, values in _objects({"": document.get("dependencies")}):
        paths = values.get("paths")
        texts = [
            token for path in (paths if isinstance(paths, list) else []) for token in (*_text(path), ("sign", ","))
        ]
        blocks.append(Block("dependencies", (), {"paths": (("sign", "["), *texts, ("sign", "]"))}))
    return Block(blocks=tuple(blocks))


def _objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    entries = value.items() if isinstance(value, dict) else ()
    return [(str(label), inner) for label, inner in entries if isinstance(inner, dict)]


def _text(value: Any) -> Tokens:
    return (("text", value),) if isinstance(value, str) else ()
