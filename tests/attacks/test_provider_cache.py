"""Providers that an unreviewed branch brings along never run for another operation. The providers here are shell scripts."""

from __future__ import annotations

import asyncio
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.caches import Cache
from runners.errors import RunnerError
from runners.terraform.plugin_cache import key_of
from tests.real.terraform_support import LONG, SEARCH_PATH, workspace_in

if TYPE_CHECKING:
    from pathlib import Path

    from runners.terraform import Program, Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

CODE = 'terraform {\n  required_providers {\n    null = { source = "hashicorp/null" }\n  }\n}\n'
MIRROR = "terraform.d/plugins/registry.terraform.io/hashicorp/null/3.2.0"
NOWHERE = "http://127.0.0.1:1"
LOCK = 'provider "registry.terraform.io/hashicorp/null" {\n  version = "3.2.0"\n  hashes = [\n    "%s",\n  ]\n}\n'
HASH = "h1:" + "A" * 43 + "="


@pytest.fixture(scope="session")
def program() -> Program:
    return asyncio.run(terraform.find_program(None, SEARCH_PATH))


def operation(directory: Path, program: Program, cache: Cache, *, provider: str = "", lock: str = "") -> Workspace:
    """An operation's workspace: with a provider in its code, or none; the registry cannot be reached."""
    proxy = {"HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE}
    made = replace(workspace_in(directory, program, **proxy), plugin_cache=cache)
    (made.directory / "main.tf").write_text(CODE)
    if lock:
        made.lock_file.write_text(lock)
    if provider:
        write_provider(made.directory / MIRROR, provider)
    return made


def write_provider(mirror: Path, text: str) -> None:
    folder = mirror / "linux_amd64"
    folder.mkdir(parents=True)
    program = folder / "terraform-provider-null_v3.2.0"
    program.write_text(f"#!/bin/sh\necho {text}\nexit 1\n")
    program.chmod(0o755)


def write_packed(mirror: Path, unpacked: Path) -> None:
    """The provider as a registry serves it, which Terraform unpacks; in the mirror of the user, whose HOME is its own."""
    mirror.mkdir(parents=True)
    (program,) = (unpacked / "linux_amd64").iterdir()
    with zipfile.ZipFile(mirror / "terraform-provider-null_3.2.0_linux_amd64.zip", "w") as archive:
        archive.write(program, program.name)


async def test_a_branchs_provider_is_not_what_main_gets(tmp_path: Path, program: Program) -> None:
    cache = Cache(tmp_path / "cache" / "staging")
    branch = operation(tmp_path / "1", program, cache, provider="BRANCH")
    await terraform.init(branch, timeout=LONG)
    assert list((branch.scratch / "data" / "providers").rglob("linux_amd64"))
    assert not list(cache.root.rglob("terraform-provider-*")), "the branch's provider stays in its own directory"
    main = operation(tmp_path / "2", program, cache)
    with pytest.raises(RunnerError, match="cannot be downloaded"):
        await terraform.init(main, timeout=LONG)


async def test_a_branchs_own_lock_file_changes_nothing_for_main(tmp_path: Path, program: Program) -> None:
    cache = Cache(tmp_path / "cache" / "staging")
    branch = operation(tmp_path / "1", program, cache, provider="BRANCH")
    await terraform.init(branch, timeout=LONG)  # writes the lock file with the provider's hash
    lock = branch.lock_file.read_text()
    again = operation(tmp_path / "2", program, cache, provider="BRANCH", lock=lock)
    await terraform.init(again, timeout=LONG)
    assert key_of(again) is None, "its code has providers"
    for other in (LOCK % HASH, ""):
        main = operation(tmp_path / f"3{bool(other)}", program, cache, lock=other)
        with pytest.raises(RunnerError, match="cannot be downloaded"):
            await terraform.init(main, timeout=LONG)


async def test_what_is_cached_has_the_hashes_of_the_lock_file(tmp_path: Path, program: Program) -> None:
    """A provider that gets into the cache by another way is not run either: Terraform compares hashes."""
    cache = Cache(tmp_path / "cache" / "staging")
    main = operation(tmp_path / "1", program, cache, lock=LOCK % HASH)
    key = key_of(main)
    assert key
    entry = cache.make(key, main.scratch)
    write_provider(entry / "registry.terraform.io/hashicorp/null/3.2.0", "PLANTED")
    with pytest.raises(RunnerError):
        await terraform.init(main, timeout=LONG)
    assert not list((main.scratch / "data").rglob("terraform-provider-null*"))


async def test_a_pinned_provider_is_shared_and_only_read_after_init(tmp_path: Path, program: Program) -> None:
    cache = Cache(tmp_path / "cache" / "staging")
    first = operation(tmp_path / "1", program, cache, provider="REVIEWED")
    await terraform.init(first, timeout=LONG)
    lock = first.lock_file.read_text()
    second = operation(tmp_path / "2", program, cache, lock=lock)
    assert terraform.cache_directories(second) == ()
    (filling,) = terraform.cache_directories(second, filling=True)
    assert filling.writable
    write_packed(second.home / ".terraform.d/plugins/registry.terraform.io/hashicorp/null", first.directory / MIRROR)
    await terraform.init(second, timeout=LONG)
    assert len(list(filling.path.rglob("terraform-provider-null*"))) == 1
    (directory,) = terraform.cache_directories(second)
    assert (directory.path, directory.writable) == (filling.path, False)
    assert filling.path.stat().st_mode & 0o777 == 0o700
    other = replace(second, plugin_cache=Cache(tmp_path / "cache" / "prod"))
    assert terraform.cache_directories(other) == ()


UNPINNED = {
    "no hashes": LOCK.replace('    "%s",\n', ""),
    "no list": 'provider "registry.terraform.io/hashicorp/null" {\n  version = "3.2.0"\n}\n',
    "a hash in a comment": LOCK.replace('"%s",', f'# "{HASH}",'),
    "a hash of another kind": LOCK % "h2:abc",
    "a short hash": LOCK % "zh:abc",
    "one of two": LOCK % HASH + (LOCK % HASH).replace("null", "aws").replace(f'    "{HASH}",\n', ""),
    "two on a line": (LOCK % HASH).replace("\n", " "),
    "a comment within": (LOCK % HASH).replace("  hashes", "  /* hashes"),
    "nothing": "",
    "only comments": "# This file is maintained automatically\n",
    "another block": LOCK % HASH + "module {\n}\n",
}


@pytest.mark.parametrize("lock", UNPINNED.values(), ids=UNPINNED)
def test_only_a_lock_file_with_hashes_of_all_providers_shares(tmp_path: Path, program: Program, lock: str) -> None:
    cache = Cache(tmp_path / "cache")
    main = operation(tmp_path / "1", program, cache)
    main.lock_file.write_text(lock)
    assert key_of(main) is None
    main.lock_file.write_text(LOCK % HASH)
    assert key_of(main) is not None
    assert key_of(replace(main, plugin_cache=None)) is None
    (main.directory / "terraform.d").symlink_to("/nowhere")
    assert key_of(main) is None


def test_the_lock_file_that_terraform_writes_is_pinned(tmp_path: Path, program: Program) -> None:
    """As `terraform providers lock` writes it, with constraints and hashes of both kinds (its documentation)."""
    constraints = '  version     = "3.2.0"\n  constraints = "~> 3.2, != 3.1.0"\n'
    text = '# This file is maintained automatically by "terraform init".\n# Manual edits may be lost.\n\n' + LOCK % HASH
    text = re.sub(r"  version = .*\n", constraints, text).replace(f'"{HASH}",', f'"{HASH}",\n    "zh:{"0a" * 32}",')
    main = operation(
        tmp_path / "1", program, Cache(tmp_path / "cache"), lock=text + "\n" + LOCK.replace("null", "aws") % HASH
    )
    assert key_of(main) is not None
