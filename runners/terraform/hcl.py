"""Reads HCL without running it: blocks, attributes, and the texts that can be known without Terraform or Terragrunt.

Syntax: hclsyntax/spec.md of hashicorp/hcl. What this does not understand is unknown (None), and never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    # The value of a function for its arguments, of which some may be unknown; None where it is unknown.
    Function = Callable[[Sequence[str | None]], str | None]

Token = tuple[
    str, str
]  # a kind ("name", "text", "sign", "line", "other") and its text; of a "text" what is between the quotes
Tokens = tuple[Token, ...]
_COMMENT = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEREDOC = re.compile(r"<<-?([\w.-]+)[ \t\r]*\n(?:.*?\n)??[ \t]*\1(?=[ \t\r]*(?:\n|$))", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_BLANK = re.compile(r"[ \t\r\ufeff]+")
_OPENING, _CLOSING = "{[(", "}])"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_DEEPEST = 40  # blocks, templates and references in each other


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its type and labels, its attributes as tokens, and the blocks in it. A file is a block without a type.

    `written` has the attributes with the line breaks in them, which `text_of` writes.
    """

    kind: str = ""
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, Tokens] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    written: Mapping[str, Tokens] = field(default_factory=dict)

    def of(self, kind: str) -> tuple[Block, ...]:
        """The blocks of a type."""
        return tuple(block for block in self.blocks if block.kind == kind)


def parse(text: str) -> Block:
    """The body of a file. Raises ValueError for what is no HCL."""
    tokens = [*_tokens(text), ("line", "\n")]
    body, end = _body(tokens, 0, Block(), 0)
    if end != len(tokens):
        raise ValueError(f"an unexpected {tokens[end][1]!r}")
    return body


def text_of(tokens: Tokens) -> str:
    """The expression as a text that can be read again, without its comments."""
    return " ".join(f'"{text}"' if kind == "text" else text for kind, text in tokens)


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if match := _BLANK.match(text, at) or _COMMENT.match(text, at):
            at = match.end()
        elif match := _HEREDOC.match(text, at) or _NUMBER.match(text, at):
            yield "other", match[0]
            at = match.end()
        elif match := _NAME.match(text, at):
            yield "name", match[0]
            at = match.end()
        elif text[at] == '"':
            end = _end_of_text(text, at + 1, 0)
            yield "text", text[at + 1 : end]
            at = end + 1
        else:
            kind = "line" if text[at] == "\n" else "sign" if text[at] in "{}[]()=,." else "other"
            yield kind, text[at]
            at += 1


def _end_of_text(text: str, at: int, depth: int) -> int:
    """The position of the quote that ends the text that begins at `at`."""
    if depth > _DEEPEST:
        raise ValueError("templates in too many others")
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" or text[at : at + 3] in {"$${", "%%{"}:
            at += 2 if text[at] == "\\" else 3
        elif text[at : at + 2] in {"${", "%{"}:
            at = _end_of_template(text, at + 2, depth) + 1
        else:
            at += 1
    if at >= len(text):
        raise ValueError("a text without its end")
    return at


def _end_of_template(text: str, at: int, depth: int) -> int:
    """The position of the brace that ends the template whose expression begins at `at`."""
    open_braces = 0
    while at < len(text):
        if text[at] == '"':
            at = _end_of_text(text, at + 1, depth + 1)
        elif text[at] == "{":
            open_braces += 1
        elif text[at] == "}":
            if not open_braces:
                return at
            open_braces -= 1
        at += 1
    raise ValueError("a template without its end")


def _body(tokens: Sequence[Token], at: int, head: Block, depth: int) -> tuple[Block, int]:
    """The statements from `at` up to the closing brace, or to the end of the file."""
    if depth > _DEEPEST:
        raise ValueError("blocks in too many others")
    attributes: dict[str, Tokens] = {}
    written: dict[str, Tokens] = {}
    blocks: list[Block] = []
    while at < len(tokens) and tokens[at] != ("sign", "}"):
        if tokens[at][0] == "line":
            at += 1
            continue
        if tokens[at][0] != "name":
            raise ValueError(f"{tokens[at][1]!r} where a name must be")
        name, labels, at = tokens[at][1], list[str](), at + 1
        while at < len(tokens) and tokens[at][0] in {"text", "name"}:
            labels.append(tokens[at][1])
            at += 1
        sign = tokens[at] if at < len(tokens) else ("line", "")
        if sign == ("sign", "{"):
            block, at = _body(tokens, at + 1, Block(name, tuple(labels)), depth + 1)
            if at >= len(tokens):
                raise ValueError(f"the block {name} has no end")
            blocks.append(block)
            at += 1
        elif sign == ("sign", "=") and not labels:
            first = at + 1
            attributes[name], at = _expression(tokens, first)
            written[name] = tuple(tokens[first:at])
        else:
            raise ValueError(f"{sign[1]!r} after {name}")
    return Block(head.kind, head.labels, attributes, tuple(blocks), written), at


def _expression(tokens: Sequence[Token], at: int) -> tuple[Tokens, int]:
    """The tokens of an expression, which ends with its line outside of brackets."""
    taken: list[Token] = []
    depth = 0
    while at < len(tokens):
        kind, text = tokens[at]
        if not depth and (kind == "line" or (kind, text) == ("sign", "}")):
            break
        depth += (kind == "sign" and text in _OPENING) - (kind == "sign" and text in _CLOSING)
        if kind != "line":
            taken.append(tokens[at])
        at += 1
    return tuple(taken), at


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may refer to: functions by their names, the locals of the file, and texts by dotted names (`values.zone`)."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    locals: Mapping[str, Tokens] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, tokens: Tokens, depth: int = 0) -> str | None:
        """The text of an expression; None where it is unknown."""
        match tokens if depth < _DEEPEST else ():
            case [("text", written)]:
                return self._template(written, depth)
            case [("name", "local"), ("sign", "."), ("name", name)] if name in self.locals:
                return self.text(self.locals[name], depth + 1)
            case [("name", name), ("sign", "("), *inner, ("sign", ")")] if name in self.functions:
                parts = _parts(tuple(inner))
                return None if parts is None else self.functions[name]([self.text(part, depth + 1) for part in parts])
            case [("name", _), ("sign", "."), *_]:
                return self.names.get("".join(text for _, text in tokens))
            case _:
                return None

    def texts(self, tokens: Tokens) -> list[str | None]:
        """The texts in a list, of which some may be unknown; one unknown text for what is no list."""
        match tokens:
            case [("sign", "["), *inner, ("sign", "]")]:
                parts = _parts(tuple(inner))
                return [None] if parts is None else [self.text(part) for part in parts]
            case [("name", "local"), ("sign", "."), ("name", name)] if name in self.locals:
                inner_tokens = self.locals[name]
                return [None] if inner_tokens[:1] == tokens[:1] else self.texts(inner_tokens)
            case _:
                return [None]

    def _template(self, written: str, depth: int) -> str | None:
        text, at = "", 0
        while at < len(written):
            if written[at] == "\\":
                text += _ESCAPES.get(written[at + 1 : at + 2], "")
                at += 2
            elif written[at : at + 3] in {"$${", "%%{"}:
                text += written[at + 1 : at + 3]
                at += 3
            elif written[at : at + 2] == "${":
                end = _end_of_template(written, at + 2, 0)
                inner = self.text(
                    tuple(token for token in _tokens(written[at + 2 : end]) if token[0] != "line"), depth + 1
                )
                if inner is None:
                    return None
                text += inner
                at = end + 1
            elif written[at : at + 2] == "%{":
                return None
            else:
                text += written[at]
                at += 1
        return text


def _parts(tokens: Tokens) -> list[Tokens] | None:
    """The expressions between commas; None where brackets do not match."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in {("sign", each) for each in _OPENING}) - (token in {("sign", each) for each in _CLOSING})
        if depth < 0:
            return None
        if token == ("sign", ",") and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    if not parts[-1]:
        parts.pop()
    return [tuple(part) for part in parts]
