"""Host keys before ssh is used: trusted at first sight, or as on the console; refused once they differ."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.store.host_keys import HostKeys
from handlers.shared.ansible import host_keys
from runners.errors import AccessDeniedError
from runners.results import ChangedKey, Host, Inventory
from runners.ssh.host_keys import HostKey

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work
    from tests.unit.handlers.conftest import Desk

ED = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
OTHER = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
HOSTS = Inventory("staging", (Host("staging-web", "web", "i-1", "10.0.0.1", "ami-1", "a"),), "deployer", 22, "ssh")


class Fake:
    """An operation that only notes; what servers and consoles show is for the test to say."""

    def __init__(self, desk: Desk, scratch: Path, how: str = "first_sight") -> None:
        self.keys = HostKeys(desk.store, desk.clock)
        self.services = SimpleNamespace(
            host_keys=self.keys, aws_of=lambda _: SimpleNamespace(ec2=None), annotations=desk.annotations
        )
        self.environment = SimpleNamespace(
            name="staging",
            deploy=SimpleNamespace(
                ansible=SimpleNamespace(host_keys=how, bastion_key_env=None, through_sessions=False)
            ),
        )
        settings = SimpleNamespace(host_keys=how, ssh=SimpleNamespace(lists_host_keys=False))
        self.work = cast("Work", SimpleNamespace(settings=settings))
        self.scratch = scratch / "scratch"
        self.number = 7
        self.notes: list[tuple[str, dict[str, str]]] = []

    async def annotate(self, action: str, **detail: str) -> None:
        self.notes.append((action, detail))

    async def changed(self, hosts: Inventory = HOSTS) -> tuple[ChangedKey, ...]:
        return await host_keys.changed(cast("Operation", self), self.work, hosts, "/deploy staging")


def shows(monkeypatch: pytest.MonkeyPatch, *keys: HostKey, console: tuple[HostKey, ...] = ()) -> None:
    async def scan(*_: Any) -> dict[str, tuple[HostKey, ...]]:
        return {"i-1": keys} if keys else {}

    async def printed(_: Any, instances: list[str]) -> dict[str, tuple[HostKey, ...]]:
        return {instance: console for instance in instances if console}

    monkeypatch.setattr("runners.ssh.host_keys.scan", scan)
    monkeypatch.setattr(host_keys, "console_keys", printed)


async def test_first_sight_then_the_same_key_or_none(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Fake(desk, tmp_path)
    shows(monkeypatch, ED)
    assert await operation.changed() == ()
    assert operation.notes == [("host keys trusted", {"instances": "i-1", "how": "at first sight"})]
    assert await operation.changed() == ()
    assert len(operation.notes) == 1
    shows(monkeypatch, OTHER)
    (changed_key,) = await operation.changed()
    assert (changed_key.pinned, changed_key.presented) == (ED.fingerprint, OTHER.fingerprint)
    assert operation.notes[-1] == ("host keys refused", {"instances": "i-1"})
    assert (
        await host_keys.known_hosts(cast("Operation", operation), operation.work, HOSTS)
        == f"10.0.0.1 {ED.kind} {ED.key}\n"
    )


async def test_a_new_machine_must_show_what_its_console_has(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Fake(desk, tmp_path, "console")
    shows(monkeypatch, OTHER, console=(ED,))
    (changed_key,) = await operation.changed()
    assert (changed_key.pinned, changed_key.presented) == (ED.fingerprint, OTHER.fingerprint)
    assert operation.notes[0] == ("host keys trusted", {"instances": "i-1", "how": "as on the console"})


async def test_a_console_without_keys_leaves_first_sight(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Fake(desk, tmp_path, "console")
    shows(monkeypatch, ED)
    assert await operation.changed() == ()
    assert operation.notes == [("host keys trusted", {"instances": "i-1", "how": "at first sight"})]


async def test_where_no_ssh_is_used_nobody_is_asked(desk: Desk, tmp_path: Path) -> None:
    local = Inventory("staging", HOSTS.hosts, "deployer", 22, "local")
    assert await Fake(desk, tmp_path).changed(local) == ()


async def test_one_that_does_not_answer_is_not_on_record_until_it_is_asked_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Fake(desk, tmp_path)
    shows(monkeypatch)
    assert await operation.changed() == ()
    assert await host_keys.known_hosts(cast("Operation", operation), operation.work, HOSTS) == ""
    assert operation.notes == []
    shows(monkeypatch, ED)
    assert await operation.changed() == ()
    assert (
        await host_keys.known_hosts(cast("Operation", operation), operation.work, HOSTS)
        == f"10.0.0.1 {ED.kind} {ED.key}\n"
    )


async def test_lines_that_the_team_has_written_count_and_none_is_recorded(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Fake(desk, tmp_path)
    lines = (f"10.0.0.1 {ED.kind} {ED.key}", f"@cert-authority *.example.com {OTHER.kind} {OTHER.key}")
    ssh = SimpleNamespace(lists_host_keys=True, known_hosts=lines)
    written = SimpleNamespace(ssh=ssh, host_key_file_of=lambda _: "")
    environment = SimpleNamespace(whole="staging")
    operation.work = cast("Work", SimpleNamespace(settings=written, scope=SimpleNamespace(environment=environment)))
    shows(monkeypatch, ED)
    assert await operation.changed() == ()
    text = await host_keys.known_hosts(cast("Operation", operation), operation.work, HOSTS)
    assert text.splitlines() == [*lines]
    shows(monkeypatch, OTHER)
    with pytest.raises(AccessDeniedError) as raised:
        await operation.changed()
    assert f"staging-web presents {OTHER.fingerprint} in place of {ED.fingerprint}" in raised.value.problem
    ssh.known_hosts = lines[1:]
    with pytest.raises(AccessDeniedError, match=r"ssh.known_hosts has no host key of staging-web \(10.0.0.1\)"):
        await host_keys.check_written(cast("Operation", operation), operation.work, HOSTS)
    assert await operation.keys.trusted(["i-1"]) == {}
    assert operation.notes == []
