"""What a playbook's run finds on disk and in its environment."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from runners.ansible.files import Places, environment, prepare, ssh_options, variables_text
from runners.errors import AccessDeniedError
from runners.results import Inventory
from runners.ssh.keys import key_text

EMPTY = Inventory("staging", (), "deployer", 22, "ssh")


class Reader(yaml.SafeLoader):
    """Reads !unsafe as Ansible does."""


Reader.add_constructor("!unsafe", lambda loader, node: ("data", loader.construct_scalar(node)))  # type: ignore[arg-type]


@given(st.text())
def test_every_text_arrives_as_data(text: str) -> None:
    surrogates = any("\ud800" <= letter <= "\udfff" for letter in text)
    written = variables_text({"plain": [text, {"deep": text}]}, {"secret": text})
    assert surrogates or yaml.load(written, Loader=Reader) == {  # noqa: S506 - a SafeLoader
        "plain": [("data", text), {"deep": ("data", text)}],
        "secret": ("data", text),
    }


def test_numbers_and_booleans_stay_what_they_are() -> None:
    read = yaml.load(variables_text({"a": True, "b": 3, "c": None}, {}), Loader=Reader)  # noqa: S506 - a SafeLoader
    assert read == {"a": True, "b": 3, "c": None}


def test_secret_files_are_for_nobody_else(tmp_path: Path) -> None:
    places = Places(tmp_path / "ansible")
    prepare(places, EMPTY, "secret: 1", key="key", vault_password="password")
    for path in (places.base, *places.base.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    places.remove_secrets()
    assert list(places.base.iterdir()) == []


def test_the_environment_is_built_and_names_the_key_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/canary")
    places = Places(tmp_path / "ansible")
    prepare(places, EMPTY, "", key="key", vault_password="password")
    built = environment(places, forks=7)
    assert "canary" not in repr(built)
    assert built["ANSIBLE_PRIVATE_KEY_FILE"] == str(places.key)
    assert built["ANSIBLE_VAULT_PASSWORD_FILE"] == str(places.vault)
    assert built["ANSIBLE_FORKS"] == "7"
    assert built["ANSIBLE_PIPELINING"] == "True"
    assert environment(places, forks=7, pipelining=False)["ANSIBLE_PIPELINING"] == "False"
    places.remove_secrets()
    assert not {"ANSIBLE_PRIVATE_KEY_FILE", "ANSIBLE_VAULT_PASSWORD_FILE"} & environment(places, forks=7).keys()


def test_ssh_asks_nothing_and_shares_connections_where_a_socket_fits() -> None:
    short = ssh_options(Path("/known hosts"), Path("/s/cp"))
    assert "StrictHostKeyChecking=yes" in short
    assert "ControlMaster=auto" in short
    long = ssh_options(Path("/known"), Path("/" + "x" * 90))
    assert "ControlMaster=no" in long
    assert "ControlPersist" not in long


@pytest.mark.parametrize("kind", [["ed25519"], ["rsa", "-b", "2048"], ["rsa", "-b", "2048", "-m", "PEM"], ["ecdsa"]])
@pytest.mark.parametrize("damage", ["none", "escaped newlines", "no last newline", "carriage returns"])
def test_a_key_is_taken_as_an_environment_variable_may_hold_it(tmp_path: Path, kind: list[str], damage: str) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", "", "-f", str(path)], check=True)
    whole = path.read_text()
    given_as = {
        "none": whole,
        "escaped newlines": whole.replace("\n", "\\n"),
        "no last newline": whole.rstrip("\n"),
        "carriage returns": whole.replace("\n", "\r\n"),
    }[damage]
    assert key_text(given_as, "x") == whole


@pytest.mark.parametrize("text", ["", "garbage", "ssh-ed25519 AAAAC3 public", "-----BEGIN RSA PRIVATE KEY-----\nx"])
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        key_text(text, "x")
    assert not text or text not in repr(caught.value.__dict__)
