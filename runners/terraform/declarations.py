"""The variables that Terraform's code declares: read from its files, without running it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from runners.errors import RunnerError
from runners.processes.foreign_files import read_regular
from runners.terraform import hcl, literals, variable_types
from runners.terraform.code_files import code_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from runners.terraform.variable_types import Type

MOST = 4 << 20  # bytes of a file
_SECRET = ("sensitive", "ephemeral")
_VARIABLE = re.compile(r"""^[ \t]*variable[ \t]+"?([\w-]+)"?[ \t]*\{""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable as the code declares it. `type` is None without a declared type.

    `default` is how the default is written; empty without one. What cannot be read of it, as its type, is not `readable`.
    One that `is_secret` is marked sensitive or ephemeral, or may be.
    """

    name: str
    type: Type | None = None
    description: str = ""
    default: str = ""
    readable: bool = True
    is_secret: bool = False

    @property
    def is_text(self) -> bool:
        """Whether its value is taken as it is typed: Terraform does so without a type, too."""
        return self.type is None or self.type.is_primitive


def declared_in(files: Mapping[str, bytes]) -> dict[str, Declared]:
    """The variables in these files, by their names. Of a file that cannot be read only the names are known."""
    declared: dict[str, Declared] = {}
    for name, content in files.items():
        text = content.decode("utf-8", "replace")
        try:
            read = _in_json(text) if PurePath(name).suffix == ".json" else _in_hcl(text)
            declared |= {each.name: each for each in read}
        except (ValueError, RecursionError):
            declared |= {each: Declared(each, readable=False) for each in _VARIABLE.findall(text)}
    return declared


def declared_in_directory(directory: Path, root: Path, program: str) -> dict[str, Declared]:
    """The variables of a directory of the code, whose whole is `root`."""
    files: dict[str, bytes] = {}
    for path in code_files(directory, program):
        try:
            files[path.name] = read_regular(path, most=MOST, root=root)
        except OSError:
            continue  # Terraform itself reports it
    return declared_in(files)


def check(declared: Mapping[str, Declared], values: Mapping[str, str], hcl_names: Collection[str], doing: str) -> None:
    """Raise RunnerError for a value that its variable does not take; `hcl_names` are those of values in HCL."""
    for name, value in values.items():
        variable = declared.get(name)
        if variable is None or not variable.readable:
            continue
        try:
            (normalized if name in hcl_names else check_text)(variable, value)
        except ValueError as error:
            remedy = "Nothing was planned. Open the window of /plan to give it in several lines."
            raise RunnerError(doing, f"the variable {name} cannot have this value: {error}", remedy=remedy) from None


def normalized(variable: Declared, text: str) -> str:
    """A value in HCL or JSON as it is given to Terraform: converted to the variable's type. Raises ValueError."""
    if variable.readable and variable.is_text:
        kind = f"a {variable.type}" if variable.type else "a text, since it is declared without a type"
        raise ValueError(f"it is {kind}, not a map or a list")
    value = literals.parse(text)
    return literals.write(variable_types.fit(value, variable.type) if variable.type else value)


def check_text(variable: Declared, value: str) -> None:
    """Raises ValueError for a value that Terraform would not take from its command line."""
    if variable.type is None:
        return
    if variable.is_text:
        variable_types.fit(value, variable.type)
    else:  # Terraform reads it as HCL
        normalized(variable, value)


def _in_hcl(text: str) -> Iterable[Declared]:
    for block in hcl.parse(text).of("variable"):
        if len(block.labels) == 1:
            written = {name: hcl.text_of(tokens) for name, tokens in block.written.items()}
            description = hcl.Scope().text(block.attributes.get("description", ())) or ""
            default = " ".join(written.get("default", "").split())
            secret = any(written.get(mark, "false").strip() != "false" for mark in _SECRET)
            variable = Declared(block.labels[0], None, description, default, is_secret=secret)
            yield _typed(variable, written.get("type"))


def _in_json(text: str) -> Iterable[Declared]:
    read: Any = json.loads(text)
    variables = read.get("variable") if isinstance(read, dict) else None
    for block in variables if isinstance(variables, list) else [variables]:
        for name, written in (block if isinstance(block, dict) else {}).items():
            values = written if isinstance(written, dict) else {}
            kind = values.get("type")
            default = json.dumps(values["default"], ensure_ascii=False) if "default" in values else ""
            secret = any(values.get(mark, False) is not False for mark in _SECRET)
            untyped = Declared(str(name), None, str(values.get("description") or ""), default, is_secret=secret)
            yield _typed(untyped, kind if isinstance(kind, str) else None)


def _typed(variable: Declared, written: str | None) -> Declared:
    try:
        return replace(variable, type=variable_types.parse(written)) if written else variable
    except ValueError:
        return replace(variable, readable=False)
