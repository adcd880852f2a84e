"""The types of Terraform's variables: read from their declaration, and whether a value has one.

Rules: developer.hashicorp.com/terraform/language/expressions/type-constraints, and the conversions of zclconf/go-cty.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from runners.terraform import literals
from runners.terraform.literals import Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.terraform.literals import Value

PRIMITIVES = ("string", "number", "bool")
_COLLECTIONS = ("list", "set", "map")
_DEEPEST = 40  # types in each other
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_LONGEST = 200  # characters of a type in a text


@dataclass(frozen=True, slots=True)
class Type:
    """A type: its kind; the type of elements; those of a tuple; those of an object's attributes, of which some are optional."""

    kind: str
    element: Type | None = None
    elements: tuple[Type, ...] = ()
    attributes: Mapping[str, Type] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    @property
    def is_primitive(self) -> bool:
        """Whether Terraform takes a value on its command line as it is, without reading it as HCL."""
        return self.kind in PRIMITIVES

    def __str__(self) -> str:
        """As it is written in a declaration; shortened."""
        text = self.written()
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

    def written(self) -> str:
        """The same, whole."""
        if self.kind == "tuple":
            return f"tuple([{', '.join(each.written() for each in self.elements)}])"
        if self.kind == "object":
            items = (
                f"{name} = optional({each.written()})" if name in self.optional else f"{name} = {each.written()}"
                for name, each in self.attributes.items()
            )
            return f"object({{{', '.join(items)}}})"
        return f"{self.kind}({self.element.written()})" if self.element else self.kind


ANY = Type("any")
STRING = Type("string")


def parse(text: str) -> Type:
    """The type in a declaration. Raises ValueError for what Terraform would refuse."""
    scanner = Scanner(text)
    scanner.skip()
    start = scanner.at
    if (word := scanner.name()) in {"list", "map"}:  # alone they are short for those of any
        scanner.skip()
        if scanner.at == len(text):
            return Type(str(word), ANY)
    scanner.at = start
    kind = _type(scanner, 0)
    scanner.end()
    return kind


def _type(scanner: Scanner, depth: int) -> Type:
    if depth > _DEEPEST:
        raise ValueError("too many types in each other")
    scanner.skip()
    kind = scanner.name()
    if kind in {*PRIMITIVES, "any"}:
        return Type(str(kind))
    if kind not in {*_COLLECTIONS, "object", "tuple"}:
        scanner.fail("a type")
    scanner.skip(lines=False)
    scanner.expect("(")
    if kind == "object":
        result = _object(scanner, depth)
    elif kind == "tuple":
        result = _tuple(scanner, depth)
    else:
        result = Type(str(kind), _type(scanner, depth + 1))
    scanner.skip()
    scanner.expect(")")
    return result


def _tuple(scanner: Scanner, depth: int) -> Type:
    scanner.skip()
    scanner.expect("[")
    return Type("tuple", elements=tuple(scanner.items(lambda: _type(scanner, depth + 1))))


def _object(scanner: Scanner, depth: int) -> Type:
    attributes: dict[str, Type] = {}
    optional: set[str] = set()
    scanner.skip()
    scanner.expect("{")
    literals.no_for_expression(scanner)
    while not scanner.sign("}"):
        name = scanner.name() or scanner.fail("the name of an attribute")
        scanner.skip(lines=False)
        if not scanner.sign("=:"):
            scanner.fail("“=”")
        if name in attributes:
            raise ValueError(f"{name} is declared twice")
        attributes[name], is_optional = _attribute(scanner, depth + 1)
        if is_optional:
            optional.add(name)
        literals.separate(scanner)
    return Type("object", attributes=attributes, optional=frozenset(optional))


def _attribute(scanner: Scanner, depth: int) -> tuple[Type, bool]:
    """The type of an attribute, and whether it may be missing."""
    scanner.skip()
    start = scanner.at
    if scanner.name() != "optional":
        scanner.at = start
        return _type(scanner, depth), False
    scanner.skip(lines=False)
    scanner.expect("(")
    kind = _type(scanner, depth)
    scanner.skip()
    if scanner.sign(","):
        literals.value_at(scanner)  # what it is without a value: Terraform fills it in
        scanner.skip()
        scanner.sign(",")
        scanner.skip()
    scanner.expect(")")
    return kind, True


def fit(value: Value, kind: Type, at: str = "") -> Value:
    """The value as Terraform converts it to this type, without what is missing. `at` is where it is.

    Raises ValueError for what Terraform would refuse, and for attributes that the type lacks, which it would drop.
    """
    if value is None or kind.kind == "any":
        return value
    if kind.is_primitive:
        return _primitive(value, kind, at)
    if kind.kind in {"list", "set", "tuple"} and isinstance(value, list):
        return _sequence(value, kind, at)
    if kind.kind == "map" and isinstance(value, dict):
        element = kind.element or ANY
        _check_alike(list(value.values()), element, at)
        return {name: fit(each, element, _below(at, name)) for name, each in value.items()}
    if kind.kind == "object" and isinstance(value, dict):
        return _attributes(value, kind, at)
    raise ValueError(f"{_where(at)}it is {kind}, not {_named(value)}")


def _primitive(value: Value, kind: Type, at: str) -> Value:
    converted: Value = None
    match kind.kind, value:
        case ("string", str()) | ("number", Decimal()) | ("bool", bool()):
            return value
        case "string", bool():
            return "true" if value else "false"
        case "string", Decimal():
            return literals.number_text(value)
        case "number", str():
            converted = literals.number(value)
        case "bool", str():
            converted = _BOOLEANS.get(value)
    if converted is None:
        raise ValueError(f"{_where(at)}it is a {kind.kind}, not {_named(value)}")
    return converted


def _sequence(values: list[Value], kind: Type, at: str) -> list[Value]:
    if kind.kind != "tuple":
        element = kind.element or ANY
        _check_alike(values, element, at)
        return [fit(each, element, f"{at}[{index}]") for index, each in enumerate(values)]
    if len(values) != len(kind.elements):
        raise ValueError(f"{_where(at)}it has {len(kind.elements)} elements ({kind}), not {len(values)}")
    return [
        fit(each, element, f"{at}[{index}]")
        for index, (each, element) in enumerate(zip(values, kind.elements, strict=True))
    ]


def _attributes(value: dict[str, Value], kind: Type, at: str) -> dict[str, Value]:
    for name in value:
        if name not in kind.attributes:
            near = difflib.get_close_matches(name, kind.attributes, 1)
            meant = f"; did you mean “{near[0]}”?" if near else f", only {', '.join(kind.attributes) or 'none'}"
            raise ValueError(f"{_where(at)}there is no attribute “{name[:40]}”{meant}")
    missing = [name for name in kind.attributes if name not in value and name not in kind.optional]
    if missing:
        raise ValueError(f"{_where(at)}{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return {name: fit(each, kind.attributes[name], _below(at, name)) for name, each in value.items()}


def _check_alike(values: list[Value], element: Type, at: str) -> None:
    """Raises ValueError for elements of any type that cannot all have one type."""
    kinds = {_shape(each) for each in values if each is not None}
    if element.kind == "any" and len(kinds) > 1:
        raise ValueError(f"{_where(at)}all elements must have one type, and there are {' and '.join(sorted(kinds))}")


def _shape(value: Value) -> str:
    return "maps" if isinstance(value, dict) else "lists" if isinstance(value, list) else "single values"


def _named(value: Value) -> str:
    match value:
        case dict():
            return "a map"
        case list():
            return "a list"
        case str():
            return f"the text “{value[:40]}”"
        case Decimal() | bool():
            return literals.write(value)
        case _:
            return "null"


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _where(at: str) -> str:
    return f"at {at}: " if at else ""
