"""Terragrunt's units in a directory of the code and in its stack files, and their order: read from the files; nothing of them is run.

What a function or a local decides that is not known here (`run_cmd`, `read_terragrunt_config`) leaves the order of that
dependency unknown, which is reported. Semantics: docs/src/content/docs/04-reference/01-hcl of gruntwork-io/terragrunt v1.1.4.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from runners.processes.foreign_files import read_regular
from runners.terraform.code_files import TOFU, code_files
from runners.terraform.hcl import Block, Scope, Tokens, parse
from runners.terraform.stack_files import GENERATED, STACK_FILE, Generated, generated_units
from runners.terraform.terragrunt import UNIT_FILES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_SKIPPED = frozenset([".terragrunt-cache", ".terraform", ".git", GENERATED])
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
    place: str = (
        ""  # its path where that is not its name: what a stack file generates has no `.terragrunt-stack` in its name
    )


def units_in(directory: Path, root: Path) -> tuple[Unit, ...]:
    """The units in and below a directory, by name. `root` is the whole of the repository, which no file leaves."""
    readers = _readers(directory, root)
    return tuple(
        sorted(
            (_unit(place, reader, directory, readers.keys()) for place, reader in readers.items()),
            key=lambda each: each.name,
        )
    )


def place_of(directory: Path, root: Path, name: str) -> Path:
    """The directory of a unit, or where it will be once it is generated; its name below `directory` where there is no such unit."""
    if (directory / name).is_dir():
        return directory / name
    return directory / next(
        (each.place for each in units_in(directory, root) if each.name == name and each.place), name
    )


def stack_above(directory: Path, root: Path) -> Path | None:
    """The outermost directory with a stack file from which this directory can be generated; None without one."""
    above = [folder for folder in directory.parents if folder.is_relative_to(root) and (folder / STACK_FILE).is_file()]
    return above[-1] if above else None


def is_generated(directory: Path, root: Path) -> bool:
    """Whether a stack file generates a unit in this directory."""
    above = stack_above(directory, root)
    return above is not None and any(above / (each.place or each.name) == directory for each in units_in(above, root))


def _readers(directory: Path, root: Path) -> dict[Path, _Reader]:
    """What reads each unit, by the unit's directory."""
    readers: dict[Path, _Reader] = {}
    for folder, name in _files(directory):
        if name == STACK_FILE:
            for each in generated_units(folder / name, root, partial(_stack_scope, root)):
                readers[each.place] = _Reader(each.place / UNIT_FILES[0], root, each)
        elif (reader := _Reader(folder / name, root)).is_unit:
            readers.setdefault(folder, reader)
    return readers


def _stack_scope(root: Path, file: Path, body: Block) -> Scope:
    return _Reader(file.parent / UNIT_FILES[0], root, read=False).scope(file, body)


def _unit(place: Path, reader: _Reader, directory: Path, places: Collection[Path]) -> Unit:
    wanted, unclear = reader.dependencies()
    # A dependency on a stack is one on all of its units.
    needed = {unit for each in wanted for unit in ([each] if each in places else _below(each, places))} - {place}
    after = sorted(_name(each, directory) for each in needed)
    name, path = _name(place, directory), place.relative_to(directory).as_posix()
    return Unit(name, tuple(after), tuple(dict.fromkeys(unclear)), "" if path == name else path)


def _below(directory: Path, places: Collection[Path]) -> list[Path]:
    return [place for place in places if directory in place.parents and GENERATED in place.relative_to(directory).parts]


def _name(place: Path, directory: Path) -> str:
    return PurePosixPath(*(part for part in place.relative_to(directory).parts if part != GENERATED)).as_posix()


def _files(directory: Path) -> Iterator[tuple[Path, str]]:
    """The directories with a unit or a stack, each with the name of its file."""
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for file in (*UNIT_FILES, STACK_FILE):
            if file in names:
                yield Path(folder), file
                break


class _Reader:
    """The configuration of one unit, with the files that it includes. A `generated` unit is read where it is copied from."""

    def __init__(self, file: Path, root: Path, generated: Generated | None = None, *, read: bool = True) -> None:
        self._file, self._root, self._unclear = file, root, list[str]()
        self._generated = generated
        self._included: Path | None = None  # the first file that the unit includes
        source = file.parent if generated is None else generated.source
        self._unclear += generated.unclear if generated else ()
        self._body = self._read(_unit_file(source)) if source and read else None

    @property
    def is_unit(self) -> bool:
        """Whether it has a module. Terragrunt skips files without, such as those that others include."""
        own = self._body is None or self._body.of("terraform") or self._body.of("include")
        return bool(own or code_files(self._file.parent, TOFU))

    def dependencies(self) -> tuple[list[Path], list[str]]:
        """The directories of the units that it depends on, and why there may be more."""
        added = [*self._added()]
        if self._body is None:
            return added, self._unclear
        bodies = [(self._body, self._file), *self._includes(self._body)]
        paths = [path for body, file in bodies for path in self._of(body, file)]
        return [*paths, *added], self._unclear

    def _added(self) -> Iterator[Path]:
        """What the stack file adds: its paths are read there, and replace the unit's own of the same label."""
        for block in self._generated.added.of("dependency") if self._generated else ():
            if self._generated and block.attributes.get("enabled") != (("name", "false"),):
                yield from self._resolved(
                    self._generated.scope.text(block.attributes.get("config_path", ())), block.labels
                )

    @property
    def _replaced(self) -> set[tuple[str, ...]]:
        return {block.labels for block in self._generated.added.of("dependency")} if self._generated else set()

    def _includes(self, body: Block) -> Iterator[tuple[Block, Path]]:
        scope = self.scope(self._file, body)
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
        scope = self.scope(file, body)
        for block in body.of("dependency"):
            if block.labels not in self._replaced and block.attributes.get("enabled") != (("name", "false"),):
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

    def scope(self, file: Path, body: Block) -> Scope:
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
            {f"values.{name}": value for name, value in self._generated.values.items()} if self._generated else {},
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


def _unit_file(directory: Path) -> Path:
    """The unit's file that Terragrunt reads in a directory."""
    return next((directory / name for name in UNIT_FILES if (directory / name).is_file()), directory / UNIT_FILES[0])


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
