"""Lines of known_hosts that a team has written: Signalbox says what OpenSSH does, in every form that OpenSSH reads."""

from __future__ import annotations

import getpass
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from runners.errors import AccessDeniedError, NotFoundError
from runners.results import Host, Inventory
from runners.ssh import host_keys, known_hosts
from runners.ssh.remote import reaching
from tests.real.ssh_support import Server, make_key, running_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.needs_sshd
ADDRESS, WHERE, DOING = "127.0.0.1", "hosts.keys", "comparing host keys"


@dataclass(frozen=True)
class World:
    """A server with a certificate of `authority`, and the key of another one."""

    server: Server
    authority: str
    other: str
    scratch: Path

    @property
    def inventory(self) -> Inventory:
        host = Host("web1", "web", "prod/web1", ADDRESS, "", "")
        return Inventory("prod", (host,), getpass.getuser(), self.server.port, "ssh", source="hosts")

    @property
    def key(self) -> str:
        return " ".join((self.server.directory / "host_key.pub").read_text().split()[:2])

    async def accepts(self, text: str) -> bool:
        """Whether ssh itself logs in by these lines."""
        given = {"private_key": self.server.user_key, "known_hosts": text, "doing": DOING}
        async with reaching(self.inventory, self.scratch / "access", **given) as access:
            answer = await access.run(self.inventory.hosts[0], "true", timeout=30, doing=DOING)
        return answer.exit_code == 0

    async def refusal(self, text: str) -> str:
        """What Signalbox says of these lines before ssh is used; "" for nothing."""
        lines = await known_hosts.listed(text, self.inventory, self.scratch)
        try:
            known_hosts.check_listed(self.inventory, lines, WHERE, DOING)
            presented = await host_keys.scan(self.inventory, self.scratch)
            known_hosts.check_presented(self.inventory, lines, presented, WHERE, DOING)
        except AccessDeniedError as error:
            return error.problem
        return ""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("keys")
    return {name: _public(directory, name) for name in ("authority", "other")} | {"directory": str(directory)}


def _public(directory: Path, name: str) -> str:
    make_key(directory / name)
    return " ".join((directory / f"{name}.pub").read_text().split()[:2])


@pytest.fixture
async def world(tmp_path: Path, unused_tcp_port: int, keys: dict[str, str]) -> AsyncIterator[World]:
    async with running_servers(tmp_path, unused_tcp_port, [ADDRESS]) as (server,):
        await server.stop()
        sign = ["ssh-keygen", "-q", "-s", f"{keys['directory']}/authority", "-I", "web1", "-h", "-n", ADDRESS]
        subprocess.run([*sign, str(server.directory / "host_key.pub")], check=True)  # noqa: ASYNC221
        server.config.write_text(server.config.read_text() + f"HostCertificate {server.directory}/host_key-cert.pub\n")
        await server.start()
        yield World(server, keys["authority"], keys["other"], tmp_path)


NAMES = st.sampled_from(
    [
        "[{a}]:{p}",
        "{a}",
        "[127.0.0.*]:{p}",
        "127.*",
        "[{a}]:1",
        "10.0.0.1",
        "*,!{a},![{a}]:{p}",
        "[{a}]:{p},web1",
        "#{a}",
    ]
)
MARKERS = st.sampled_from(["", "", "", "@cert-authority ", "@revoked "])
KEYS = st.sampled_from(["key", "key", "other", "authority"])
LINES = st.lists(st.tuples(MARKERS, NAMES, KEYS, st.booleans()), min_size=1, max_size=4)


def written(world: World, lines: list[tuple[str, str, str, bool]]) -> str:
    """The lines as a file; hashed ones by ssh-keygen, which hashes plain names only."""
    text = ""
    for marker, names, key, hashed in lines:
        line = f"{marker}{names.format(a=ADDRESS, p=world.server.port)} {getattr(world, key)} by a team\n"
        if hashed and not marker and not any(sign in names for sign in "*!#"):
            file = world.scratch / "hashed"
            file.write_text(line)
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
            line = file.read_text()
        text += line
    return text


@pytest.mark.slow("ssh for each example")
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(lines=LINES)
async def test_what_is_said_of_generated_lines_is_what_ssh_does(
    world: World, lines: list[tuple[str, str, str, bool]]
) -> None:
    text = written(world, lines)
    refused, accepts = await world.refusal(text), await world.accepts(text)
    if refused:
        # Beside a line for the port, ssh falls back to patterns without one; Signalbox refuses such a file, which is safe.
        falls_back = any("*" in names and "[" not in names for _, names, *_ in lines)
        assert falls_back or not accepts, f"{refused}: ssh accepts\n{text}"
    elif not accepts:  # what only ssh can find: the certificate of another authority, or one that is revoked
        assert "@" in text, f"ssh refuses\n{text}"


async def test_each_refusal_names_the_host_and_what_to_do(world: World) -> None:
    port = world.server.port
    missing = await world.refusal(f"10.0.0.1 {world.key}\n")
    assert missing == f"hosts.keys has no host key of web1 ([127.0.0.1]:{port})"
    other = await world.refusal(f"[{ADDRESS}]:{port} {world.other}\n")
    assert other.startswith("web1 presents SHA256:")
    assert other.endswith(", by hosts.keys")
    revoked = await world.refusal(f"[{ADDRESS}]:{port} {world.key}\n@revoked * {world.key}\n")
    assert revoked.startswith("web1 presents the revoked key SHA256:")
    good = f"[{ADDRESS}]:{port} {world.key}\n"
    for lines in (good, f"@cert-authority * {world.authority}\n", f"[127.0.0.*]:{port} {world.other}\n{good}"):
        assert not await world.refusal(lines)
        assert await world.accepts(lines)


async def test_a_host_that_does_not_answer_is_left_to_ansible(world: World) -> None:
    await world.server.stop()
    assert not await world.refusal(f"[{ADDRESS}]:{world.server.port} {world.other}\n")


def test_a_file_that_is_not_there_is_named_with_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "ansible/keys").mkdir(parents=True)
    (tmp_path / "ansible/keys/known_hosts").write_text("web1 ssh-ed25519 A\n")
    assert known_hosts.read_file(tmp_path, "ansible", "keys/known_hosts", DOING).startswith("web1 ")
    with pytest.raises(NotFoundError) as raised:
        known_hosts.read_file(tmp_path, "ansible", "known_hosts", DOING)
    assert raised.value.remedy.startswith("There is keys/known_hosts. Correct")


async def test_no_host_is_left_out_of_an_answer(world: World) -> None:
    """One of many, and those of several ports."""
    (host,) = world.inventory.hosts
    hosts = tuple(replace(host, name=f"web{n}", instance_id=f"prod/web{n}", port=n) for n in range(1, 9))
    lines = await known_hosts.listed(
        f"[{ADDRESS}]:3 {world.key}\n", replace(world.inventory, hosts=hosts), world.scratch
    )
    assert [name for name, each in lines.items() if each.usable] == ["prod/web3"]
