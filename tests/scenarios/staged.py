"""Work that says when it is under way and waits until it may continue: code committed for the bot to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.slack.rendering import elements
from sandbox.stories._acting import only_notifies
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.slack import Message
    from sandbox.world import World

MAIN = "instances/staging/main.tf"
_STAGING = 'channel: "#staging"\n    machines: [backend, cron'
# A configuration in which a deploy of staging runs two playbooks: each takes Ansible seconds of processor time.
TWO_ROLES = {f"{_STAGING}, taskrunner, sftp]": f"{_STAGING}]"}

_DIRECTORY = '  directory: "{files}/var"\n'
# Operations of playbooks on two machines of staging: `lost` has a file that there is not.
OWN_OPERATION = {
    _DIRECTORY: f"{_DIRECTORY}  rotate: {{playbook: rotate.yml, environment: staging, machines: [backend, cron]}}\n"
    "  lost: {playbook: deploy-crn.yml, environment: staging, machines: [cron]}\n"
}


@dataclass(frozen=True)
class Gate:
    """A shell command that adds a line to a file each time it is run, and ends when the gate is open."""

    directory: Path

    @property
    def command(self) -> str:
        return (
            f"echo ran >> {self.directory}/ran; "
            f"until [ -e {self.directory}/open ]; do sleep 0.05; done; exit $(cat {self.directory}/open)"
        )

    @property
    def times_run(self) -> int:
        path = self.directory / "ran"
        return path.read_text().count("ran\n") if path.exists() else 0

    async def reached(self, times: int = 1) -> None:
        """Wait until the command was run so often."""
        await until(lambda: self.times_run >= times)

    def open(self, exit_code: int = 0) -> None:
        """Let it end, now and from now on."""
        (self.directory / "open").write_text(str(exit_code))


def gate(world: World, environment: str, name: str) -> Gate:
    """A new gate, closed, for code of this environment."""
    directory = world.machines_of(environment) / name
    directory.mkdir()
    return Gate(directory)


def machines_wait(world: World) -> Gate:
    """From the next plan of staging on, each new machine (three in the first plan) waits at a gate to be up."""
    made = gate(world, "staging", "new")
    change(world, MAIN, 'default     = "true"', f'default     = "{made.command}"')
    return made


def playbook_waits(world: World, machine: str) -> Gate:
    """The playbook of this machine waits at a gate, once on each host."""
    made = gate(world, "staging", f"playbook-{machine}")
    task = f"    - name: Wait at the gate\n      ansible.builtin.shell: {made.command}\n\n"
    change(world, f"provisioners/deploy-{machine}.yml", "  tasks:\n", f"  tasks:\n{task}")
    return made


def change(world: World, path: str, old: str, new: str) -> None:
    """Commit a change to main."""
    repository = world.github.repository(INFRASTRUCTURE)
    text = repository.graph.resolve("main").files[path].decode()
    assert old in text
    repository.commit("main", {path: text.replace(old, new)}, f"Change {path}")


async def asked(world: World, command: str, channel: str, *pieces: str) -> Message:
    """Ana types a command; the message that then shows all the pieces."""
    reply = await world.person("ana").type(channel, command)
    assert reply.ok, reply
    return await shows(world, channel, *pieces)


async def approved(world: World, command: str, number: int = 1) -> Message:
    """Ana asks for it in #staging, Lee approves; the operation's one message."""
    message = await asked(world, command, "#staging", f"#{number} ", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    return message


async def shows(world: World, channel: str, *pieces: str, timeout: float = 90) -> Message:
    """The message that shows all the pieces, as soon as it does."""

    def fits(message: Message) -> bool:
        return not only_notifies(message) and all(piece in message.rendered for piece in pieces)

    return await world.channel(channel).wait_for(fits, timeout)


def one_message_each(world: World, channel: str, operations: int) -> None:
    """Whatever happened to the bot, an operation is one message, and one that has ended has nothing to decide."""
    messages = world.channel(channel).messages
    assert len(messages) == operations, world.channel(channel).as_read
    for message in messages:
        actions = {element["action_id"] for element in elements(message.blocks) if element["type"] == "button"}
        assert not actions & {"approve", "reject", "cancel"}, message.rendered
