"""The units that Terragrunt generates from stack files (terragrunt.stack.hcl): read from the files, nothing is generated for it.

Semantics: pkg/config/stack.go and docs/src/content/docs/04-reference/01-hcl/02-blocks.mdx of gruntwork-io/terragrunt v1.1.4.
What a source outside of the repository has is unknown here, and so is the order of what depends on it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runners.processes.foreign_files import read_regular
from runners.terraform.hcl import Block, Scope, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runners.terraform.hcl import Tokens

STACK_FILE = "terragrunt.stack.hcl"
GENERATED = ".terragrunt-stack"  # the directory of what is generated, beside the stack file
_MOST = 1 << 20  # bytes of a file
_DEEPEST = 8  # stacks in each other
_NOT_HERE = "its source is not in this repository"


@dataclass(frozen=True, slots=True)
class Generated:
    """A unit that is generated at `place` from the directory `source` (None: it cannot be read here).

    `added` is what its stack file adds to it, which is read in `scope`; `values` are those of the unit that are plain texts.
    """

    place: Path
    source: Path | None
    added: Block = field(default_factory=Block)
    scope: Scope = field(default_factory=Scope)
    values: Mapping[str, str] = field(default_factory=dict)
    unclear: tuple[str, ...] = ()


def generated_units(file: Path, root: Path, scope_of: Callable[[Path, Block], Scope]) -> Iterator[Generated]:
    """The units of the stack file and of the stacks in it. `scope_of` has the functions and locals of a file at a path."""
    yield from _Stacks(root, scope_of).units(file, file, {}, 0)


@dataclass(frozen=True, slots=True)
class _Stacks:
    root: Path
    scope_of: Callable[[Path, Block], Scope]

    def units(self, at: Path, read_from: Path, values: Mapping[str, str], depth: int) -> Iterator[Generated]:
        """Those of a stack file that will be `at`, and is `read_from` now."""
        try:
            body = parse(read_regular(read_from, most=_MOST, root=self.root).decode("utf-8"))
        except (OSError, ValueError) as error:
            name = os.path.relpath(read_from, self.root)
            why = error.strerror if isinstance(error, OSError) else error
            yield Generated(at.parent, None, unclear=(f"{name} cannot be read: {why}",))
            return
        scope = self._scope(at, body, values)
        for block in (*body.of("unit"), *body.of("stack")):
            yield from self._component(at, block, scope, depth)

    def _scope(self, at: Path, body: Block, values: Mapping[str, str]) -> Scope:
        plain = self.scope_of(at, body)
        given = {f"values.{name}": value for name, value in values.items()}
        first = Scope(plain.functions, plain.locals, given)
        paths = {
            f"{block.kind}.{block.labels[0]}.path": str(place)
            for block in (*body.of("unit"), *body.of("stack"))
            if block.labels and (place := self._place(at, block, first))
        }
        return Scope(plain.functions, plain.locals, {**given, **paths})

    def _place(self, at: Path, block: Block, scope: Scope) -> Path | None:
        """Where the component is generated; None where that is unknown, or outside of the stack's directory."""
        path = scope.text(block.attributes.get("path", ()))
        if path is None or Path(path).is_absolute():
            return None
        beside = block.attributes.get("no_dot_terragrunt_stack") == (("name", "true"),)
        base = at.parent if beside else at.parent / GENERATED
        place = Path(os.path.normpath(base / path))
        return place if place.is_relative_to(base) else None

    def _component(self, at: Path, block: Block, scope: Scope, depth: int) -> Iterator[Generated]:
        if block.attributes.get("enabled") == (("name", "false"),):
            return
        name = block.labels[0] if block.labels else block.kind
        place, unclear = self._place(at, block, scope), list[str]()
        if place is None:
            unclear.append(f"the path of the {block.kind} {name} is not a plain one")
        if block.of("expansion") or block.attributes.get("enabled", (("name", "true"),)) != (("name", "true"),):
            unclear.append(f"whether the {block.kind} {name} is generated, or how often, is not a plain text")
        place = place or at.parent / GENERATED / name
        source, values = self._source(at, block, scope), _values(block, scope)
        if source is None:
            unclear.append(f"{_NOT_HERE} ({_written(block.attributes.get('source', ()))})")
        added = next(iter(block.of("autoinclude")), Block())
        if block.kind == "unit":
            yield Generated(place, source, added, scope, values, tuple(unclear))
        elif source is None or unclear or depth == _DEEPEST:
            yield Generated(place, None, unclear=(*unclear, f"the units of the stack {name} are unknown"))
        else:
            yield from self.units(place / STACK_FILE, source / STACK_FILE, values, depth + 1)

    def _source(self, at: Path, block: Block, scope: Scope) -> Path | None:
        """The directory of the repository that the component is copied from; None for any other source."""
        text = scope.text(block.attributes.get("source", ()))
        if text is None:
            return None
        source = Path(os.path.normpath(at.parent / text.replace("//", "/")))
        return source if source.is_dir() and source.is_relative_to(self.root) else None


def _values(block: Block, scope: Scope) -> dict[str, str]:
    """The values that are plain texts."""
    tokens = block.attributes.get("values", ())
    try:
        inside = parse("\n".join(_lines(tokens))) if tokens else Block()
    except ValueError:
        return {}
    texts = {name: scope.text(value) for name, value in inside.attributes.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _lines(tokens: Tokens) -> Iterator[str]:
    """The entries of an object as lines: its tokens have no ends of lines."""
    inner, line, depth = tokens[1:-1], list[str](), 0
    for place, (kind, text) in enumerate(inner):
        begins = kind in {"name", "text"} and inner[place + 1 : place + 2] == (("sign", "="),)
        if not depth and begins and line:
            yield " ".join(line).rstrip(" ,")
            line = []
        depth += (text in {"{", "[", "("}) - (text in {"}", "]", ")"}) if kind == "sign" else 0
        line.append(text if kind != "text" or begins else f'"{text}"')
    if line:
        yield " ".join(line).rstrip(" ,")


def _written(tokens: Tokens) -> str:
    """The source as it is written, shortened."""
    return "".join(text for _, text in tokens)[:80] or "none"
