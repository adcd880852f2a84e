"""The key that logs in to the machines: what is said of one that cannot be used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from bot.config import read
from bot.errors import UserError
from bot.services import Secrets
from handlers.shared.ansible.scope import private_key_of, vault_password_of
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from bot.services import Services

WITH = FILE.replace("user: deployer,", "user: deployer, private_key_env: DEPLOY_KEY, vault_password_env: VAULT,")


def key(encryption: KeySerializationEncryption) -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def used(**environment: str) -> str | None:
    services = cast("Services", SimpleNamespace(secrets=Secrets(environment, search_path="")))
    return private_key_of(services, read(WITH, "signalbox.yaml").environments["staging"])


def test_a_key_that_can_be_used_is_taken() -> None:
    text = key(NoEncryption())
    assert used(DEPLOY_KEY=text.replace("\n", "\\n")) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (key(BestAvailableEncryption(b"secret")), "The private key in DEPLOY_KEY has a passphrase. Give the whole"),
        ("/home/deployer/.ssh/id_ed25519", "The private key in DEPLOY_KEY cannot be read. Give the whole"),
    ],
)
def test_one_that_cannot_be_used_is_told_by_its_variable(text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        used(DEPLOY_KEY=text)
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith("No changes were made.")
    assert text not in str(refused.value)


def test_one_that_is_not_there_is_told_as_well() -> None:
    with pytest.raises(UserError, match="started without DEPLOY_KEY"):
        used()
    services = cast("Services", SimpleNamespace(secrets=Secrets({}, search_path="")))
    with pytest.raises(UserError, match="started without VAULT"):
        vault_password_of(services, read(WITH, "signalbox.yaml").environments["staging"])
    assert vault_password_of(services, read(FILE, "signalbox.yaml").environments["staging"]) is None
