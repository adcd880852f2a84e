"""The values of an environment's variables as its code and settings write them, without what is secret.

The order is Terraform's (developer.hashicorp.com/terraform/language/values/variables, "Variable Definition Precedence"): defaults,
the environment, terraform.tfvars, *.auto.tfvars, and the files of the command. A value of the command itself is in no file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.terraform import declarations, hcl, literals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "TF_VAR_"
CODE = (".tf", ".tf.json")
VALUES = (".tfvars", ".tfvars.json")
_OWN = ("terraform.tfvars", "terraform.tfvars.json")  # read before the *.auto.tfvars
_AUTO = re.compile(r".*\.auto\.tfvars(\.json)?")


@dataclass(frozen=True, slots=True)
class Values:
    """The values by name, as they are written on one line; `hidden` are those of which nothing may be displayed.

    Hidden are variables that the code marks sensitive or ephemeral, and those whose declaration cannot be read.
    """

    values: Mapping[str, str]
    hidden: frozenset[str]


def read(files: Mapping[str, bytes], given: Iterable[bytes], environment: Mapping[str, str]) -> Values:
    """The variables that the code in a directory declares; `given` are the files of the command, in order.

    `environment` has the variables of Terraform's process. Raises ValueError for a file of values that cannot be read.
    """
    declared = declarations.declared_in({name: text for name, text in files.items() if name.endswith(CODE)})
    hidden = {name for name, each in declared.items() if not each.readable or each.is_secret}
    values = {name: each.default for name, each in declared.items() if each.default}
    values |= {name.removeprefix(PREFIX): text for name, text in environment.items() if name.startswith(PREFIX)}
    automatic = [*(name for name in _OWN if name in files), *sorted(name for name in files if _AUTO.fullmatch(name))]
    for name in automatic:
        values |= _values(files[name], is_json=name.endswith(".json"))
    for text in given:
        values |= _values(text, is_json=text.lstrip()[:1] == b"{")
    return Values(
        {name: text for name, text in values.items() if name in declared and name not in hidden}, frozenset(hidden)
    )


def differences(first: Values, second: Values) -> list[tuple[str, str | None, str | None]]:
    """The variables that differ, by name, with both values; None where one is not set. Of maps only the keys that differ."""
    hidden = first.hidden | second.hidden
    names = sorted((first.values.keys() | second.values.keys()) - hidden)
    pairs = [(name, first.values.get(name), second.values.get(name)) for name in names]
    return [each for pair in pairs if pair[1] != pair[2] for each in _differing(*pair)]


def _differing(name: str, ours: str | None, theirs: str | None) -> list[tuple[str, str | None, str | None]]:
    maps = [_map(ours), _map(theirs)]
    if maps[0] is None or maps[1] is None:
        return [(name, ours, theirs)]
    pairs = [(key, maps[0].get(key), maps[1].get(key)) for key in sorted({*maps[0], *maps[1]})]
    return [each for key, *both in pairs if both[0] != both[1] for each in _differing(f"{name}.{key}", *both)]


def _map(written: str | None) -> dict[str, str] | None:
    """A map's values as they are written; None for what is none, or refers to something else."""
    try:
        value = literals.parse(written or "")
    except ValueError:
        return None
    return {key: literals.write(each) for key, each in value.items()} if isinstance(value, dict) else None


def _values(content: bytes, *, is_json: bool) -> dict[str, str]:
    text = content.decode("utf-8", "replace")
    if not is_json:
        return {name: " ".join(hcl.text_of(tokens).split()) for name, tokens in hcl.parse(text).written.items()}
    read_values: Any = json.loads(text)
    if not isinstance(read_values, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004  -- of a file, not of a program
    return {str(name): json.dumps(value, ensure_ascii=False) for name, value in read_values.items()}
