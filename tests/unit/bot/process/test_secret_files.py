"""Secrets in files: as the variable says, as systemd says, and refused where others may read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bot.errors import ConfigError
from bot.process import secret_files

KEY = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----"
ROOTS = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def stored(directory: Path, content: bytes | str, *, name: str = "file", mode: int = 0o600) -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def refused(environ: dict[str, str], *names: str) -> str:
    with pytest.raises(ConfigError) as raised:
        secret_files.read(environ, names or ("TOKEN",))
    return str(raised.value)


def test_a_named_file_and_a_credential_have_the_values(tmp_path: Path) -> None:
    stored(tmp_path, f"{KEY}\n", name="KEY", mode=0o400)
    environ = {"TOKEN_FILE": str(stored(tmp_path, "planted\r\n")), "CREDENTIALS_DIRECTORY": str(tmp_path), "OTHER": "x"}
    assert secret_files.read(environ, ("TOKEN", "KEY", "OTHER", "UNSET")) == {"TOKEN": "planted", "KEY": KEY}


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=200))
def test_every_text_arrives_without_its_last_line_breaks(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = stored(tmp_path_factory.mktemp("secret"), text)
    expected = path.read_bytes().decode().rstrip("\r\n")
    if expected:
        assert secret_files.read({"TOKEN_FILE": str(path)}, ["TOKEN"]) == {"TOKEN": expected}
    else:
        assert "is empty" in refused({"TOKEN_FILE": str(path)})


@pytest.mark.parametrize("mode", [mode for mode in range(0o600, 0o700) if mode & 0o077])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = stored(tmp_path, "planted", mode=mode)
    refusal = refused({"TOKEN_FILE": str(path)})
    assert f"environment: TOKEN_FILE: other users may read or write {path}; type: chmod go-rwx {path}" in refusal
    assert "planted" not in refusal
    path.chmod(0o600)
    assert secret_files.read({"TOKEN_FILE": str(path)}, ["TOKEN"]) == {"TOKEN": "planted"}


@ROOTS
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, "planted")
    os.chown(path, 65534, 65534)
    assert "belongs to another user" in refused({"TOKEN_FILE": str(path)})


def test_a_link_counts_as_the_file_that_it_leads_to(tmp_path: Path) -> None:
    path, link = stored(tmp_path, "planted"), tmp_path / "link"
    link.symlink_to(path)
    assert secret_files.read({"TOKEN_FILE": str(link)}, ["TOKEN"]) == {"TOKEN": "planted"}
    path.chmod(0o604)
    assert "other users may read or write" in refused({"TOKEN_FILE": str(link)})


def test_what_cannot_be_a_secret_is_said_for_all_variables_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    contents = {"empty": b"\n", "nul": b"a\0b", "latin": b"\xff", "long": b"x" * (secret_files.LONGEST + 1)}
    paths = {name: stored(tmp_path, content, name=name) for name, content in contents.items()}
    paths |= {
        "directory": tmp_path,
        "pipe": tmp_path / "pipe",
        "missing": tmp_path / "nowhere",
        "zero": Path("/dev/zero"),
    }
    refusal = refused({f"{name}_FILE": str(path) for name, path in paths.items()}, *paths)
    words = [
        "is empty",
        "NUL",
        "not text in UTF-8",
        "more than 64 KB",
        "Is a directory",
        "is not a file",
        "No such file",
        "/dev/zero is not a file",
    ]
    assert [word for word, line in zip(words, refusal.splitlines(), strict=True) if word not in line] == []


def test_what_is_set_twice_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, "planted", name="TOKEN")
    environ = {"TOKEN": "x", "TOKEN_FILE": str(path), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "is set twice, by TOKEN_FILE and the credential TOKEN and TOKEN" in refused(environ)
    assert "planted" not in refused(environ)
