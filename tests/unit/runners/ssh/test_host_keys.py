"""Host keys: read, compared with those on record, written for ssh."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from runners.results import ChangedKey, Host, Inventory
from runners.ssh.host_keys import HostKey, changed, known_hosts, read_keys, refused_as_new, write_keys

if TYPE_CHECKING:
    from pathlib import Path

ED = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
ED_TOO = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
RSA = HostKey("ssh-rsa", "AAAAB3NzaC1yc2EAAAADAQABAAAAAQAAAA==")
A = Host("staging-a", "a", "i-a", "10.0.0.1", "ami-1", "us-west-2a")
B = Host("staging-b", "b", "i-b", "10.0.0.2", "ami-1", "us-west-2a")


def test_keys_are_read_from_what_programs_print() -> None:
    text = f"# 10.0.0.1:22 SSH-2.0\nssh-ed25519 {ED.key} root@host\nssh-dss AAAA\nssh-rsa !!\nssh-rsa\n\nssh-rsa {RSA.key}\n"
    assert read_keys(text) == (ED, RSA)
    assert read_keys(write_keys([ED, RSA, ED])) == (ED, RSA)


def test_the_fingerprint_is_what_ssh_shows(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = (tmp_path / "key.pub").read_text()
    rendered = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
    assert read_keys(public)[0].fingerprint in rendered.split()


def test_a_server_that_shows_another_key_of_a_known_kind_has_changed() -> None:
    existing = {"i-a": (ED, RSA), "i-b": (ED,)}
    (result,) = changed([A, B], existing, {"i-a": (RSA, ED_TOO), "i-b": (ED, RSA)})
    assert result == ChangedKey("staging-a", "i-a", ED.fingerprint, ED_TOO.fingerprint)


def test_one_that_shows_no_known_kind_at_all_has_changed() -> None:
    assert changed([A], {"i-a": (ED,)}, {"i-a": (RSA,)}) == (
        ChangedKey("staging-a", "i-a", ED.fingerprint, RSA.fingerprint),
    )


def test_new_instances_silent_ones_and_fewer_kinds_have_not_changed() -> None:
    assert changed([A, B], {"i-a": (ED, RSA)}, {"i-a": (ED,), "i-b": (ED_TOO,)}) == ()
    assert changed([A], {"i-a": (ED,)}, {}) == ()


def test_ssh_compares_by_the_address_of_now() -> None:
    def result(port: int) -> str:
        return known_hosts(Inventory("staging", (A, B), "deployer", port, "ssh"), {"i-a": (ED,), "i-gone": (RSA,)})

    assert result(22) == f"10.0.0.1 ssh-ed25519 {ED.key}\n"
    assert result(22222) == f"[10.0.0.1]:22222 ssh-ed25519 {ED.key}\n"


def test_a_server_refused_as_new_is_told_from_one_whose_key_has_changed() -> None:
    new = "No ED25519 host key is known for [10.0.0.1]:22222 and you have requested strict checking."
    assert refused_as_new(f"Failed to connect to the host via ssh: {new}\r\nHost key verification failed.")
    assert not refused_as_new("Host key for 10.0.0.1 has changed and you have requested strict checking.")
    assert not refused_as_new("ssh: connect to host 10.0.0.1 port 22: Connection refused")
