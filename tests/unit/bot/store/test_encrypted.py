"""Encrypted values: what was encrypted is decrypted, by older keys too; one changed bit, another name or key is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, strategies as st

from bot.errors import ForgedError
from bot.seals import Keyring, canonical
from bot.store import encrypted
from bot.store.encrypted import FORMAT, NONCE_BYTES, OVERHEAD, decrypt, encrypt

if TYPE_CHECKING:
    from bot.seals import Field

OLD, NEW, OTHER = bytes(range(32)), bytes(range(100, 140)), bytes(range(60, 92))
KEYRING = Keyring([OLD])
NAMED: dict[str, Field] = {"operation": 7, "name": "plan"}
WHAT = "the saved plan of #7"


def refused(keyring: Keyring, content: bytes, named: dict[str, Field] | None = None) -> bool:
    with pytest.raises(ForgedError, match=r"^The saved plan of #7 does not verify"):
        decrypt(keyring, "artifacts", named or NAMED, content, WHAT)
    return True


@given(content=st.binary(max_size=3_000), operation=st.integers(0), name=st.text())
def test_what_is_encrypted_is_decrypted(content: bytes, operation: int, name: str) -> None:
    named: dict[str, Field] = {"operation": operation, "name": name}
    made = encrypt(KEYRING, "artifacts", named, content)
    assert len(made) == len(content) + OVERHEAD
    assert decrypt(KEYRING, "artifacts", named, made, WHAT) == content


@given(content=st.binary(max_size=300), data=st.data())
def test_any_changed_bit_is_refused(content: bytes, data: st.DataObject) -> None:
    made = bytearray(encrypt(KEYRING, "artifacts", NAMED, content))
    bit = data.draw(st.integers(0, 8 * len(made) - 1))
    made[bit // 8] ^= 1 << bit % 8
    assert refused(KEYRING, bytes(made))


@given(content=st.binary(max_size=300), data=st.data())
def test_a_part_is_refused(content: bytes, data: st.DataObject) -> None:
    made = encrypt(KEYRING, "artifacts", NAMED, content)
    assert refused(KEYRING, made[: data.draw(st.integers(0, len(made) - 1))])


def test_another_operation_name_or_purpose_is_refused() -> None:
    made = encrypt(KEYRING, "artifacts", NAMED, b"plan")
    assert refused(KEYRING, made, {**NAMED, "operation": 8})
    assert refused(KEYRING, made, {**NAMED, "name": "plan "})
    assert refused(KEYRING, encrypt(KEYRING, "output", NAMED, b"plan"))


def test_an_older_key_decrypts_as_long_as_it_is_in_the_keyring() -> None:
    made = encrypt(KEYRING, "artifacts", NAMED, b"plan")
    rotated = Keyring([NEW, OLD])
    assert decrypt(rotated, "artifacts", NAMED, made, WHAT) == b"plan"
    newer = encrypt(rotated, "artifacts", NAMED, b"plan")
    assert decrypt(Keyring([NEW]), "artifacts", NAMED, newer, WHAT) == b"plan"
    assert refused(Keyring([NEW]), made)
    assert refused(KEYRING, newer)
    assert refused(Keyring([OTHER]), made)


def test_the_cipher_is_aes_256_gcm_with_a_new_nonce_each_time() -> None:
    first, second = (encrypt(KEYRING, "artifacts", NAMED, b"plan") for _ in range(2))
    nonce, sealed = first[len(FORMAT) :][:NONCE_BYTES], first[len(FORMAT) + NONCE_BYTES :]
    assert second[len(FORMAT) :][:NONCE_BYTES] != nonce
    associated = FORMAT + canonical({"purpose": "artifacts", **NAMED}).encode()
    key = KEYRING.key("artifacts")
    assert len(key) * 8 == 256
    assert AESGCM(key).decrypt(nonce, sealed, associated) == b"plan"
    assert b"plan" not in encrypted.encrypt(KEYRING, "artifacts", NAMED, b"plan")
