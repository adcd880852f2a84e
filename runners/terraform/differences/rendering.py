"""The texts of differences for people: one line each, on which the two sides never look the same without a note. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from runners.terraform.differences import texts, visible
from runners.terraform.differences.texts import Piece
from runners.terraform.differences.values import MISSING, is_absent, json_text, numeric_value, same, type_name
from runners.terraform.masking import SENSITIVE, UNKNOWN, Hidden, Masked, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.terraform.differences.comparison import Difference, Path

LONGEST_TEXT = 120  # characters of a value on one line; a few more where it is cut
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Texts that would be read as something else: numbers, true, null, an empty text, words of these messages.
_AMBIGUOUS = re.compile(
    r'|true|false|null|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|".*|\((?:sensitive|known after apply|none)\)',
    re.DOTALL,
)


def render(difference: Difference, limit: int = LONGEST_TEXT) -> Iterator[Piece]:
    """The texts of one difference, for example one for each line that differs: before, after (None: absent), and a note."""
    before, after = difference.before, difference.after
    for piece in _pieces(before, after, limit):
        note = "; ".join(filter(None, [difference.note, piece.note]))
        if piece.before == piece.after and not note:
            note = "" if same(before, after) else "the values differ; see the attached plan"
        yield Piece(piece.before, piece.after, note)


def _pieces(before: Any, after: Any, limit: int) -> Iterator[Piece]:
    if isinstance(before, Hidden) or isinstance(after, Hidden):
        yield Piece(_alone(before, limit), _alone(after, limit), _of_sensitive(before, after))
        return
    old, new = _displayed(before), _displayed(after)
    if isinstance(old, str) and isinstance(new, str):
        yield from _of_texts(before, after, limit)
    elif is_absent(old) or is_absent(new) or isinstance(new, Unknown):
        # Missing beside null: the one is drawn as nothing, the other as null.
        yield Piece(_alone(before, limit, beside=new), _alone(after, limit, beside=old), _length_note(old, new, limit))
    else:
        yield Piece(*_of_json(json_text(old), json_text(new), limit), _type_note(old, new))


def _displayed(value: Any) -> Any:
    """What may be displayed of a value that is not hidden as a whole."""
    return value.masked if isinstance(value, Masked) else value


def _of_texts(before: str | Masked, after: str | Masked, limit: int) -> Iterator[Piece]:
    old, new = _displayed(before), _displayed(after)
    if old == new:
        text = _alone(before, limit)
        yield Piece(text, text, "a sensitive part of it differs")
    elif max(len(old), len(new)) <= limit and (_unambiguous(before), _unambiguous(after)) != (old, new):
        yield Piece(*visible.windows(_unambiguous(before), _unambiguous(after), limit), texts.explain(old, new))
    else:
        yield from texts.pieces(old, new, limit)


def _of_json(before: str, after: str, limit: int) -> tuple[str, str]:
    """The JSON texts of two values, or windows of them."""
    if before == after:
        text = visible.one_line(before, limit)
        return text, text
    return visible.windows(before, after, limit)


def _alone(value: Any, limit: int, beside: Any = None) -> str | None:
    """A value by itself; None if it is absent."""
    if value is MISSING or (value is None and beside is not MISSING):
        return None
    if isinstance(value, Hidden | Unknown):
        return SENSITIVE if isinstance(value, Hidden) else UNKNOWN
    text = _unambiguous(value) if isinstance(value, str | Masked) else json_text(value)
    return visible.one_line(text, limit)


def _unambiguous(value: str | Masked) -> str:
    """The text, in quotes where it would be read as something else; "(sensitive)" is what it says where it was masked."""
    text: str = _displayed(value)
    if isinstance(value, Masked) and text == SENSITIVE:
        return text
    return json.dumps(text, ensure_ascii=False) if _AMBIGUOUS.fullmatch(text) else text


def _length_note(before: Any, after: Any, limit: int) -> str:
    """How long a value is that is cut."""
    present = after if is_absent(before) else before
    length = len(present if isinstance(present, str) else json_text(present))
    return f"{length:,} characters" if length > limit else ""


def _of_sensitive(before: Any, after: Any) -> str:
    """What can be said of a difference that nobody may see."""
    if isinstance(before, Hidden) and isinstance(after, Hidden):
        later = isinstance(after.value, Unknown)
        return "known after apply" if later else "a different value"
    if is_absent(before) or is_absent(after) or isinstance(after, Unknown):
        return ""
    return "is marked as sensitive from now on" if isinstance(after, Hidden) else "is no longer marked as sensitive"


def _type_note(before: Any, after: Any) -> str:
    """How the types differ, or that the same number is written in another way."""
    old, new = type_name(before), type_name(after)
    if old != new:
        return f"{old} becomes {new}"
    number = numeric_value(before)
    return "the same number in another spelling" if number is not None and number == numeric_value(after) else ""


def render_path(path: Path) -> str:
    """The path as Terraform writes it: tags.Name, ingress[0].port, labels["a.b"]."""
    text = ""
    for step in path:
        if isinstance(step, str) and _IDENTIFIER.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text
