"""Small rules that Block Kit is described with; each notes what is wrong and where, in Slack's words.

A rule is a function of a value, its JSON pointer and the list of faults to add to. The wording follows what the Web API
answers, e.g. `no more than 25 items allowed [json-pointer:/blocks/1/elements]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any, str, list[str]], None]


def fault(faults: list[str], message: str, pointer: str) -> None:
    """Add a fault."""
    faults.append(f"{message} [json-pointer:{pointer}]")


def string(most: int, *, least: int = 1) -> Rule:
    """A string of `least` to `most` characters."""

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, str):
            fault(faults, "must be a valid string", pointer)
        elif len(value) < least:
            fault(faults, f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            fault(faults, f"must be less than {most + 1} characters", pointer)

    return check


def url(value: Any, pointer: str, faults: list[str]) -> None:
    """A web address of at most 3,000 characters."""
    string(3000)(value, pointer, faults)
    if isinstance(value, str) and not value.startswith(("https://", "http://", "mailto:", "slack://")):
        fault(faults, "invalid url", pointer)


def boolean(value: Any, pointer: str, faults: list[str]) -> None:
    """True or false, nothing else."""
    if not isinstance(value, bool):
        fault(faults, "must be a valid boolean", pointer)


def integer(least: int, most: int) -> Rule:
    """A whole number from `least` to `most`."""

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            fault(faults, "must be a valid integer", pointer)
        elif not least <= value <= most:
            fault(faults, f"must be between {least} and {most}", pointer)

    return check


def among(*allowed: str) -> Rule:
    """One of a few words."""

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if value not in allowed:
            fault(faults, f"must be one of {', '.join(allowed)}", pointer)

    return check


def array(item: Rule, most: int, *, least: int = 1) -> Rule:
    """A list of `least` to `most` items, each by `item`."""

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, list):
            fault(faults, "must provide an array", pointer)
            return
        if len(value) < least:
            fault(faults, f"no less than {least} items allowed", pointer)
        if len(value) > most:
            fault(faults, f"no more than {most} items allowed", pointer)
            return
        for number, entry in enumerate(value):
            item(entry, f"{pointer}/{number}", faults)

    return check


def shape(required: Mapping[str, Rule], optional: Mapping[str, Rule], *also: Rule) -> Rule:
    """An object with these fields and no others (`type` has a rule of its own); `also` check the whole object."""
    fields = {**required, **optional}
    field_names = {"type", *fields}

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, dict):
            fault(faults, "must provide an object", pointer)
            return
        for name in required.keys() - value.keys():
            fault(faults, f"missing required field: {name}", pointer)
        for name, entry in value.items():
            rule = fields.get(name)
            if rule is not None:
                rule(entry, f"{pointer}/{name}", faults)
            elif name not in field_names:
                fault(faults, f"invalid additional property: {name}", pointer)
        for rule in also:
            rule(value, pointer, faults)

    return check


def untyped(required: Mapping[str, Rule], optional: Mapping[str, Rule], *also: Rule) -> Rule:
    """As `shape`, for objects that have no `type`."""

    def no_type(value: Any, pointer: str, faults: list[str]) -> None:
        if "type" in value:
            fault(faults, "invalid additional property: type", pointer)

    return shape(required, optional, no_type, *also)


def by_type(shapes: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which of the shapes it must have."""

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, dict):
            fault(faults, "must provide an object", pointer)
        elif "type" not in value:
            fault(faults, "missing required field: type", pointer)
        elif not isinstance(value["type"], str) or value["type"] not in shapes:
            fault(faults, f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            shapes[value["type"]](value, pointer, faults)

    return check


def either(*names: str, exactly_one: bool = True) -> Rule:
    """At least one of these fields, or exactly one."""
    listed = " or ".join(f"`{name}`" for name in names)

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        count = sum(name in value for name in names)
        if count == 0:
            fault(faults, f"must define either {listed}", pointer)
        elif count > 1 and exactly_one:
            fault(faults, f"must define only one of {listed}", pointer)

    return check
