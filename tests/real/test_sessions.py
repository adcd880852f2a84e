"""Hosts that only sessions of AWS Systems Manager reach: real ssh, sshd and Ansible, the two programs as stand-ins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.check import sessions as session_check
from bot.config import read
from runners.daemons import verify
from runners.errors import AccessDeniedError, ProgramMissingError, RunnerError
from runners.results import State
from runners.ssh import host_keys
from runners.ssh.remote import reaching
from tests.real.daemon_support import Real, daemon
from tests.real.session_support import AWAY, CREDENTIALS, TARGET, Sessions, sessions
from tests.real.test_ansible import Playbooks, playbooks
from tests.real.test_daemons import QUICK
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.results import Inventory, PlaybookResult

__all__ = ["daemon", "playbooks"]
pytestmark = [pytest.mark.needs_sshd, pytest.mark.needs_bwrap]
PLAY = """
    - hosts: backend
      gather_facts: false
      tasks:
        - name: Copy a file
          ansible.builtin.copy: {{content: hello, dest: {directory}/copied, mode: "0600"}}
"""
CONFIG = FILE.replace("user: deployer,", "user: %s, port: %s, ssh: {session_manager: true},")


@pytest.fixture
async def aws(tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sessions]:
    async with sessions(tmp_path, unused_tcp_port, monkeypatch) as made:
        yield made


async def deployed(
    playbooks: Playbooks, aws: Sessions, inventory: Inventory | None = None, **changes: object
) -> PlaybookResult:
    playbooks.write("deploy.yml", PLAY.format(directory=playbooks.directory))
    given: dict[str, Any] = {"known_hosts": aws.known_hosts, "route_secret": aws.secret, **changes}
    return await playbooks.run(
        playbooks.job(inventory=inventory or aws.inventory, private_key=aws.server.user_key, **given)
    )


async def test_the_keys_of_hosts_are_read_through_a_session(aws: Sessions, tmp_path: Path) -> None:
    assert await host_keys.scan(replace(aws.inventory, session_manager=None), tmp_path) == {}, "no name, no way"
    scanned = await host_keys.scan(aws.inventory, tmp_path, aws.secret)
    assert host_keys.known_hosts(aws.inventory, scanned) == " ".join(aws.known_hosts.split()[:3]) + "\n"
    assert not list(tmp_path.glob("route-*")), "no credentials are left"


@pytest.mark.slow("a server, and Ansible beside")
async def test_a_deploy_reaches_the_host_with_its_key_pinned(
    aws: Sessions, playbooks: Playbooks, tmp_path: Path
) -> None:
    result = await deployed(playbooks, aws)
    assert result.state is State.SUCCEEDED, result
    assert (playbooks.directory / "copied").read_text() == "hello"
    text = playbooks.text_on_disk()
    assert not [value for value in CREDENTIALS.values() if value in text], "nothing of the credentials is left"


@pytest.mark.slow("a server, and Ansible beside")
async def test_another_key_is_refused_by_the_instance_id(aws: Sessions, playbooks: Playbooks) -> None:
    recorded = aws.known_hosts
    await aws.server.change_key()
    result = await deployed(playbooks, aws, known_hosts=recorded)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in result.failures[0].output
    assert not (playbooks.directory / "copied").exists()


@pytest.mark.slow("a server, and Ansible beside")
async def test_an_instance_without_an_agent_is_unreachable_and_named(
    aws: Sessions, playbooks: Playbooks, tmp_path: Path
) -> None:
    assert await host_keys.scan(aws.other, tmp_path, aws.secret) == {}
    result = await deployed(playbooks, aws, aws.other)
    (failure,) = result.failures
    assert failure.unreachable
    assert failure.output.startswith(f"{AWAY} is not connected to Systems Manager in us-west-2. Check its SSM Agent")


async def test_daemons_are_checked_through_a_session(aws: Sessions, daemon: Real, tmp_path: Path) -> None:
    daemon.start()
    given = {"private_key": aws.server.user_key, "known_hosts": aws.known_hosts, "doing": "looking"}
    for inventory, problem in ((aws.inventory, ""), (aws.other, "is not connected to Systems Manager in us-west-2")):
        async with reaching(inventory, tmp_path / "access", route_secret=aws.secret, **given) as access:
            (observed,) = await verify(access, {"backend": [daemon.configured]}, QUICK, began=None, remedy=False)
        assert problem in observed.problem
        assert observed.reached is not bool(problem)


async def test_a_server_that_does_not_answer_behind_a_session_is_told(aws: Sessions, tmp_path: Path) -> None:
    await aws.server.stop()
    async with reaching(
        aws.inventory, tmp_path / "access", private_key=None, known_hosts="", doing="looking", route_secret=aws.secret
    ) as access:
        answer = await access.run(aws.inventory.hosts[0], "true", timeout=30, doing="looking")
    assert answer.exit_code == 255
    assert await host_keys.scan(aws.inventory, tmp_path, aws.secret) == {}


@pytest.mark.parametrize(
    ("code", "kind", "words", "remedy"),
    [
        ("AccessDeniedException", AccessDeniedError, "is not authorized", "Allow ssm:StartSession"),
        ("ExpiredTokenException", AccessDeniedError, "does not accept the credentials", "maximum session duration"),
        ("UnrecognizedClientException", AccessDeniedError, "does not accept the credentials", "Check `aws`"),
        ("ThrottlingException", RunnerError, "starts no more sessions now", "again in a minute"),
    ],
)
async def test_what_no_session_can_overcome_ends_it_before_anything_changes(  # noqa: PLR0917
    aws: Sessions, tmp_path: Path, code: str, kind: type[RunnerError], words: str, remedy: str
) -> None:
    aws.answer(targets={TARGET: code})
    with pytest.raises(kind) as raised:
        await host_keys.scan(aws.inventory, tmp_path, aws.secret)
    assert words in raised.value.problem
    assert remedy in raised.value.remedy


async def test_only_the_credentials_of_the_environment_count(aws: Sessions, tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="UnrecognizedClientException"):
        await host_keys.scan(aws.inventory, tmp_path, "ASIAOTHER\nanother-secret\n")


@pytest.mark.parametrize("name", ["aws", "session-manager-plugin"])
async def test_a_missing_program_is_named_with_where_to_get_it(aws: Sessions, tmp_path: Path, name: str) -> None:
    (aws.programs / name).unlink()
    with pytest.raises(ProgramMissingError) as raised:
        await host_keys.scan(aws.inventory, tmp_path, aws.secret)
    assert raised.value.problem == f"{name} is not on this machine, and deploy.ansible.ssh.session_manager needs it"
    assert "https://docs.aws.amazon.com/" in raised.value.remedy


async def test_check_starts_a_session_to_a_host_of_each_role(
    aws: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(CONFIG % (aws.inventory.user, aws.port), "signalbox.yaml")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    async def find_hosts(*_: object, **__: object) -> Inventory:
        return replace(aws.inventory, hosts=(*aws.inventory.hosts, *aws.other.hosts))

    monkeypatch.setattr("runners.aws.inventory.find_hosts", find_hosts)
    assert session_check.names_sessions(config)
    (line,) = (await session_check.check_sessions(config)).connections()
    assert line.ok, line
    assert f"staging-backend ({TARGET}) answers" in line.detail
    aws.answer(targets={})
    (line,) = (await session_check.check_sessions(config)).connections()
    assert f"ssh.session_manager: {TARGET} is not connected to Systems Manager" in line.detail
    (aws.programs / "aws").unlink()
    (line,) = (await session_check.check_sessions(config)).connections()
    assert line.detail.startswith("aws is not on this machine")
    assert "Install the AWS CLI" in line.remedy
