"""Addresses that would carry tokens without encryption are reported; those of this machine are not."""

from __future__ import annotations

import pytest

from bot.check.addresses import ADDRESSES, unencrypted_addresses

UNENCRYPTED = (
    "http://github.acme.test/api/v3",
    "HTTP://10.0.0.7:8080",
    "http://localhost.acme.test",
    "http://[fe80::1]/",
)
FINE = (
    "",
    "https://github.acme.test",
    "http://127.0.0.1:8080",
    "http://127.8.8.8",
    "http://[::1]:1",
    "http://localhost/",
)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("address", UNENCRYPTED)
def test_an_unencrypted_address_is_a_note_without_the_address(name: str, address: str) -> None:
    (note,) = unencrypted_addresses({name: address})
    assert (note.name, note.ok) == ("note", True)
    assert note.detail == f"{name} is not encrypted, so tokens can be read on the way. Use https://."


@pytest.mark.parametrize("address", [*FINE, "http://[bad"])
def test_other_addresses_are_not_reported(address: str) -> None:
    assert unencrypted_addresses(dict.fromkeys(ADDRESSES, address)) == []
