"""Parts of environments: each stack and each service becomes an environment of its own, before anything is validated.

A part inherits the keys of its environment and of the section that it is written in, and overrides those that it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.config.document import keys_of
from bot.config.models.deploy import DEPLOY_SECTIONS, Deploy
from bot.config.models.environment import TERRAFORM_RUNNERS, Terraform
from bot.config.models.written import Service, Stack
from bot.config.values import PART

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.config.document import Document, Keys

    Values = Mapping[str, object]

_TOP = "environments"
_OF_DEPLOYS = ("promote", "daemons", "daemon_checks", "after")  # an environment's keys that only a deploy reads
_OF_PLANS = ("code_deploy_after_old_image",)
_OF_WHOLE = ("aliases",)  # what no part inherits


@dataclass(frozen=True, slots=True)
class _Section:
    """A section that may have parts: its name, the key of the parts, and how a part inherits from it.

    It has only one of the keys in `exclusive`. `depth` is to how many levels mappings are merged. `overrides` are
    the environment's keys that a part may have, `dropped` those that it never has.
    """

    name: str
    parts: str
    exclusive: tuple[str, ...]
    depth: int
    overrides: frozenset[str]
    dropped: tuple[str, ...]


_STACKS = _Section(
    "terraform",
    "stacks",
    TERRAFORM_RUNNERS,
    2,
    frozenset({*Stack.model_fields} - {*Terraform.model_fields}),
    _OF_DEPLOYS,
)
_SERVICES = _Section(
    "deploy", "services", (*DEPLOY_SECTIONS,), 3, frozenset({*Service.model_fields} - {*Deploy.model_fields}), _OF_PLANS
)
_SECTIONS = (_STACKS, _SERVICES)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The environments with their parts, each part after its environment; and where each part is written, by its name."""

    environments: Values
    origins: Mapping[str, Keys] = field(default_factory=dict)

    def written_at(self, document: Document, keys: Keys) -> Keys:
        """Where the person wrote the key, or would: in the part, or in the environment that it inherits from."""
        if len(keys) < 2 or keys[0] != _TOP or str(keys[1]) not in self.origins:
            return keys
        origin, inner = self.origins[str(keys[1])], keys[2:]
        whole, section = origin[:2], origin[2]
        for length in range(len(inner), 0, -1):
            in_section = inner[0] == section
            if (own := (*origin, *inner[in_section:length])) in document.lines and (in_section or own != origin):
                return (*origin, *inner[in_section:])
            if (*whole, *inner[:length]) in document.lines:
                return (*whole, *inner)
        return (*whole, *inner) if inner else origin


def inherit(document: Document) -> Inherited:
    """The environments of the document, and an environment for each of their parts. Adds the faults of what is no part."""
    top = document.data if isinstance(document.data, dict) else {}
    written = top.get(_TOP)
    environments: dict[str, object] = {}
    origins: dict[str, Keys] = {}
    for name, values in (written if isinstance(written, dict) else {}).items():
        if PART in name:
            problem = (
                "is not a valid name; a part of an environment is written below its terraform.stacks or deploy.services"
            )
            document.fault((_TOP, name), f'"{name[:60]}" {problem}')
        elif isinstance(values, dict):
            parts = dict(_parts(document, name, values, origins))
            environments |= {name: _without_parts(values), **parts}
        else:
            environments[name] = values
    resolved = {name: _with_order(name, values, environments) for name, values in environments.items()}
    return Inherited(resolved, origins)


def _parts(document: Document, name: str, values: Values, origins: dict[str, Keys]) -> Iterator[tuple[str, Values]]:
    for section in _SECTIONS:
        written = keys_of(values.get(section.name))
        parts, at = written.get(section.parts), (_TOP, name, section.name, section.parts)
        if parts is None:
            continue
        if not isinstance(parts, dict) or not parts:
            document.fault(at, f"must be a mapping of names, one for each of the {section.parts}")
            continue
        if section is _STACKS and "after" in written:
            document.fault((_TOP, name, "terraform", "after"), "is for a single stack; move it into the stack")
        for part, own in parts.items():
            full = f"{name}{PART}{part}"
            if not isinstance(own, dict):
                document.fault((*at, part), "must be a mapping of keys")
            elif full in origins:
                document.fault((*at, part), f"is also one of the stacks of {name}; rename one of them")
            else:
                origins[full] = (*at, part)
                yield full, _part(section, values, written, own)


def _without_parts(values: Values) -> dict[str, object]:
    """The environment itself: what its parts have, it has no longer."""
    own = dict(values)
    for section in _SECTIONS:
        written = values.get(section.name)
        if not isinstance(written, dict) or section.parts not in written:
            continue
        if written[section.parts] is None:
            own[section.name] = {key: value for key, value in written.items() if key != section.parts}
        else:
            own = {key: value for key, value in own.items() if key != section.name}
            own = {key: value for key, value in own.items() if section is _STACKS or key not in _OF_DEPLOYS}
    return own


def _part(section: _Section, values: Values, written: Values, own: Values) -> dict[str, object]:
    others = {each.name for each in _SECTIONS}
    part = {key: value for key, value in values.items() if key not in (*others, *section.dropped, *_OF_WHOLE)}
    overrides = {key: value for key, value in own.items() if key in section.overrides}
    if isinstance(daemons := part.get("daemons"), dict) and isinstance(machines := overrides.get("machines"), tuple):
        part["daemons"] = {machine: units for machine, units in daemons.items() if machine in machines}
    part = {**part, **{key: _over(part.get(key), value, 1) for key, value in overrides.items()}}
    chosen = [key for key in section.exclusive if own.get(key) is not None]
    left_out = {section.parts, "after", *(key for key in section.exclusive if chosen and key not in chosen)}
    defaults = {key: value for key, value in written.items() if key not in left_out}
    inner = {key: value for key, value in own.items() if key not in section.overrides}
    return {**part, section.name: _over(defaults, inner, section.depth)}


def _over(inherited: object, own: object, depth: int) -> object:
    """What a part has over what it inherits: mappings are merged down to this depth, all else is replaced."""
    if not depth or not isinstance(inherited, dict) or not isinstance(own, dict):
        return own
    return {**inherited, **{key: _over(inherited.get(key), value, depth - 1) for key, value in own.items()}}


def _with_order(name: str, values: object, environments: Values) -> object:
    """A service follows the service of its name in the environment that `after` names, if that has one."""
    if not isinstance(values, dict) or PART not in name or not isinstance(after := values.get("after"), str):
        return values
    same = f"{after}{PART}{name.partition(PART)[2]}"
    return {**values, "after": same} if "deploy" in keys_of(environments.get(same)) else values
