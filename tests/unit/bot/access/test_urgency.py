"""The mark of an emergency, and its reason."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.access import urgency
from bot.errors import UserError


@pytest.mark.parametrize(
    ("text", "rest", "reason"),
    [
        ("prod! because the site is down", "prod", "the site is down"),
        ("prod! main because it burns", "prod main", "it burns"),
        ("prod api! main because it burns because of me", "prod api main", "it burns because of me"),
        ("prod/api! because  two   blanks ", "prod/api", "two blanks"),
        ('prod! note="not because of me" because it burns', 'prod note="not because of me"', "it burns"),
        ("prod because of me", "prod because of me", ""),
        ('prod note="wow! because x"', 'prod note="wow! because x"', ""),
        ("prod main hotfix! because x", "prod main hotfix! because x", ""),
        ("", "", ""),
    ],
)
def test_what_is_an_emergency(text: str, rest: str, reason: str) -> None:
    assert urgency.take(text, "/deploy") == (rest, reason)


@pytest.mark.parametrize(
    "text", ["prod!", "prod! main", "prod! because ", "prod! because\tx", "prod! because " + "x" * 151]
)
def test_an_emergency_without_a_reason_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="reason"):
        urgency.take(text, "/deploy")


_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,9}(/[a-z]{1,5})?", fullmatch=True)
_REASONS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=100).filter(str.strip)


@given(environment=_NAMES, ref=_NAMES, reason=_REASONS)
def test_what_a_button_writes_is_read_again(environment: str, ref: str, reason: str) -> None:
    written = urgency.typed(f"/deploy {environment} {ref}", urgency.checked(reason, ""))
    assert urgency.take(written.removeprefix("/deploy "), "/deploy") == (
        f"{environment} {ref}",
        " ".join(reason.split()),
    )
