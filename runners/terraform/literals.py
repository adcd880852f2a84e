"""Values of variables as people type them, in HCL or JSON: read without running anything, and written as Terraform reads them.

Syntax: hclsyntax/spec.md of hashicorp/hcl. Only literals are values here: a template, a function or a reference is refused
by name. A number is a Decimal, an object a dict.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Value: TypeAlias = "bool | Decimal | str | list[Value] | dict[str, Value] | None"

T = TypeVar("T")
_BLANK = re.compile(r"(?:[ \t\r\ufeff]|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_BLANK_OR_LINE = re.compile(r"(?:[ \t\r\n\ufeff]|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_TEMPLATE = re.compile(r"\$\$\{|%%\{|\$\{|%\{")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_WORDS = {"true": True, "false": False, "null": None}
_KEYWORDS = {*_WORDS, "for"}  # as keys they are written in quotes
_DEEPEST = 40  # lists and objects in each other
_LARGEST = 1_000  # digits before or after the point


class Scanner:
    """A position in a text, and what is read from there."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip(self, *, lines: bool = True) -> None:
        """Go over blanks and comments, and with `lines` over line breaks."""
        if match := (_BLANK_OR_LINE if lines else _BLANK).match(self.text, self.at):
            self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What matches here; the position is after it."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def name(self) -> str | None:
        """A name, if one is here."""
        match = self.take(_NAME)
        return match[0] if match else None

    def quoted(self) -> str | None:
        """A text in quotes, if one is here. Raises ValueError for a template in it."""
        match = self.take(_TEXT)
        return _unescaped(match[1]) if match else None

    def sign(self, signs: str) -> str:
        """One of these characters, if it is here; else empty."""
        here = self.text[self.at : self.at + 1]
        if not here or here not in signs:
            return ""
        self.at += 1
        return here

    def expect(self, sign: str) -> None:
        """Go over this character. Raises ValueError if something else is here."""
        if not self.sign(sign):
            self.fail(f"“{sign}”")

    def items(self, item: Callable[[], T]) -> list[T]:
        """What is between here and the closing bracket, separated by commas. Raises ValueError if one is missing."""
        listed: list[T] = []
        self.skip()
        while not self.sign("]"):
            listed.append(item())
            self.skip()
            if not self.sign(","):
                self.expect("]")
                break
            self.skip()
        return listed

    def end(self) -> None:
        """Raises ValueError unless only blanks and comments follow."""
        self.skip()
        if self.at < len(self.text):
            self.fail("its end")

    def fail(self, expected: str) -> NoReturn:
        """Raises ValueError: something else than `expected` is here."""
        here = self.text[self.at : self.at + 20].split("\n")[0].strip()
        line = self.text.count("\n", 0, self.at) + 1
        raise ValueError(f"line {line} has {f'“{here}”' if here else 'its end'} where {expected} must be")


def parse(text: str) -> Value:
    """The value of a text that is JSON, else of one that is HCL. Raises ValueError, which says what is wrong and where."""
    try:
        return _checked_json(
            json.loads(
                text, parse_int=Decimal, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_object
            )
        )
    except (json.JSONDecodeError, RecursionError):
        scanner = Scanner(text)
        value = _value(scanner, 0)
        scanner.end()
        return value


def value_at(scanner: Scanner) -> Value:
    """The literal at the scanner's position. Raises ValueError."""
    return _value(scanner, 0)


def write(value: Value) -> str:
    """The value in HCL on one line, which `parse` and Terraform read again."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return number_text(value)
        case str():
            return _in_quotes(value)
        case list():
            return f"[{', '.join(map(write, value))}]"
        case dict():
            items = ", ".join(f"{_key_text(name)} = {write(each)}" for name, each in value.items())
            return f"{{{items}}}"


def number_text(number: Decimal) -> str:
    """The number as Terraform converts it to a text: 1.50 is 1.5, 1e3 is 1000."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"", "-0"} else text


def number(text: str) -> Decimal | None:
    """The number that Terraform converts this text to; None for a text that is none."""
    if not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text, re.ASCII):
        return None
    return _checked(text)


def _checked(text: str) -> Decimal:
    try:
        read = Decimal(text)
    except InvalidOperation:
        raise ValueError("there is too large a number") from None
    exponent = read.as_tuple().exponent
    if not isinstance(exponent, int) or abs(read.adjusted()) > _LARGEST or abs(exponent) > _LARGEST:
        raise ValueError("there is too large a number")
    return read


def _value(scanner: Scanner, depth: int) -> Value:
    if depth > _DEEPEST:
        raise ValueError(f"there are more than {_DEEPEST} lists and maps in each other")
    scanner.skip()
    if scanner.sign("["):
        return scanner.items(lambda: _value(scanner, depth + 1))
    if scanner.sign("{"):
        return _map(scanner, depth)
    minus = scanner.sign("-")
    if minus:
        scanner.skip()
    if match := scanner.take(_NUMBER):
        return _checked(minus + match[0])
    text = None if minus else scanner.quoted()
    if text is not None:
        return text
    before = scanner.at
    word = None if minus else scanner.name()
    if word in _WORDS:
        return _WORDS[word]
    scanner.at = before
    if word:
        scanner.fail(f'a value (a text needs quotes: "{word}")')
    return scanner.fail("a value")


def _map(scanner: Scanner, depth: int) -> dict[str, Value]:
    pairs: list[tuple[str, Value]] = []
    no_for_expression(scanner)
    while not scanner.sign("}"):
        key = _key(scanner)
        scanner.skip(lines=False)
        if not scanner.sign("=:"):
            scanner.fail("“=”")
        pairs.append((key, _value(scanner, depth + 1)))
        separate(scanner)
    return _object(pairs)


def no_for_expression(scanner: Scanner) -> None:
    """Go over blanks after an opening brace. Raises ValueError where `for` begins an expression: as a name it is in quotes."""
    scanner.skip()
    start = scanner.at
    if scanner.name() == "for":
        scanner.at = start
        scanner.fail("the name of an entry (“for” needs quotes)")
    scanner.at = start


def separate(scanner: Scanner) -> None:
    """Go over what separates the items in braces: a comma or a line break. Raises ValueError if neither is here."""
    scanner.skip(lines=False)
    separated = scanner.sign(",") or scanner.text[scanner.at : scanner.at + 1] in {"\n", "}"}
    if not separated:
        scanner.fail("a comma, a line break or “}”")
    scanner.skip()


def _key(scanner: Scanner) -> str:
    name = scanner.quoted()
    if name is None:
        name = scanner.name()
    if name is None and (match := scanner.take(_NUMBER)):
        name = number_text(_checked(match[0]))
    return scanner.fail("the name of an entry") if name is None else name


def _object(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name[:40]} is given twice")
        values[name] = value
    return values


def _checked_json(value: Value, depth: int = 0) -> Value:
    if depth > _DEEPEST:
        raise ValueError(f"there are more than {_DEEPEST} lists and maps in each other")
    if isinstance(value, Decimal):
        return _checked(str(value))
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _checked_json(each, depth + 1)
    if isinstance(value, str):
        _storable(value)
    return value


def _unescaped(written: str) -> str:
    for template in _TEMPLATE.findall(written):
        if template in {"${", "%{"}:
            raise ValueError(f"“{template}” begins a template; write “{template[0]}{template}” for these characters")
    text = _ESCAPE.sub(_escaped, written.replace("$${", "\\u0024{").replace("%%{", "\\u0025{"))
    return _storable(text)


def _escaped(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        if int(code, 16) > 0x10FFFF:
            raise ValueError(f"{match[0]} is no character")
        return chr(int(code, 16))
    if match[3] not in _ESCAPES:
        raise ValueError(f"{match[0]} is no escape of HCL")
    return _ESCAPES[match[3]]


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("there is a character that no text may have")
    return text


def _in_quotes(text: str) -> str:
    written = "".join(_escape(letter) for letter in text)
    # A template's beginning: by the code of its first character, whatever stands before it.
    return '"' + written.replace("${", "\\u0024{").replace("%{", "\\u0025{") + '"'


def _escape(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[letter]
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08x}"


def _key_text(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) and name not in _KEYWORDS else _in_quotes(name)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
