"""Seals: which keys are taken, that one key serves one purpose, and that another field, purpose or key is refused."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import assume, given, strategies as st

from bot.seals import Keyring, canonical, new_key, split_keys

OLD, NEW = bytes(range(32)), bytes(range(100, 140))
FIELD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
FIELDS = st.dictionaries(st.text(), FIELD | st.lists(FIELD))


def rfc_5869(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 with no salt and 32 bytes of output, as section 2 of the RFC writes it."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def test_a_keys_purpose_is_derived_as_rfc_5869_says() -> None:
    assert Keyring([OLD]).key("votes") == rfc_5869(OLD, b"signalbox votes")
    assert Keyring([OLD, NEW]).keys("votes") == tuple(rfc_5869(key, b"signalbox votes") for key in (OLD, NEW))


@pytest.mark.parametrize(
    "text",
    [
        OLD.hex(),
        OLD.hex().upper(),
        f" {OLD.hex()} ",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ],
)
def test_keys_are_hexadecimal_or_base64(text: str) -> None:
    assert Keyring.read(text).keys("x") == (rfc_5869(OLD, b"signalbox x"),)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "0 bytes"),
        (OLD[:31].hex(), "31 bytes"),
        ("secret", "4 bytes"),
        (f"{OLD.hex()},", "0 bytes"),
        ("a" * 64, "not random"),
        ("correct horse battery staple, and more words", "neither"),
        ("pässword" * 10, "neither"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        Keyring.read(text)
    assert not text or text not in str(refused.value)


def test_a_new_key_is_taken_and_is_new() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(Keyring.read(key) for key in keys)
    assert not any(key in repr(Keyring.read(key)) for key in keys)


@given(FIELDS)
def test_what_was_sealed_verifies_also_after_the_keys_changed(fields: dict[str, object]) -> None:
    seal = Keyring([OLD]).seal("votes", fields)  # type: ignore[arg-type]
    assert len(seal) == 43
    for keys in ([OLD], [OLD, NEW], [NEW, OLD]):
        assert Keyring(keys).verify("votes", fields, seal)  # type: ignore[arg-type]
    assert not Keyring([NEW]).verify("votes", fields, seal)  # type: ignore[arg-type]
    assert not Keyring([OLD]).verify("approvals", fields, seal)  # type: ignore[arg-type]


@given(FIELDS, FIELDS)
def test_other_fields_have_another_text(these: dict[str, object], others: dict[str, object]) -> None:
    # JSON distinguishes 1, 1.0, true and "1", which are equal in Python.
    assume(json.dumps(these, sort_keys=True) != json.dumps(others, sort_keys=True))
    keyring = Keyring([OLD])
    assert canonical(these) != canonical(others)  # type: ignore[arg-type]
    assert not keyring.verify("votes", others, keyring.seal("votes", these))  # type: ignore[arg-type]


@given(st.text())
def test_any_text_in_place_of_a_seal_is_refused(forged: str) -> None:
    assert not Keyring([OLD]).verify("votes", {"person": "U1"}, forged)


def test_each_of_several_keys_is_a_secret_of_its_own() -> None:
    assert split_keys(" one , two,") == ["one", "two"]
