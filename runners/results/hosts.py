"""What is known of hosts: which there are, and how a playbook went on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.stored import stored

if TYPE_CHECKING:
    from runners.results.runs import State


@stored("host")
@dataclass(frozen=True, slots=True)
class Host:
    """A machine that Ansible reaches, as EC2 or the team's inventory lists it. Its SSH port is the inventory's where `port` is 0."""

    name: str
    machine: str
    instance_id: str
    address: str
    image_id: str
    zone: str
    port: int = 0


@stored("bastion")
@dataclass(frozen=True, slots=True)
class Bastion:
    """The server through which ssh reaches hosts; `host_keys` as "kind key" in OpenSSH's form, one of which it must present."""

    host: str
    port: int
    user: str
    host_keys: tuple[str, ...]


@stored("session-manager")
@dataclass(frozen=True, slots=True)
class SessionManager:
    """Sessions of AWS Systems Manager in a region, through which ssh reaches hosts by their instance ids."""

    region: str


Route = Bastion | SessionManager


@stored("inventory")
@dataclass(frozen=True, slots=True)
class Inventory:
    """The running machines of an environment, in the configured order of machines; `groups` are further groups of every host.

    With a `bastion` or `session_manager`, ssh reaches every host through it. `source` is the team's own inventory, relative to the playbooks, and
    `own_groups` the groups that it has, `ignored` the variables for which the configuration's values are used; without one, hosts are those of EC2.
    """

    environment: str
    hosts: tuple[Host, ...]
    user: str
    port: int
    connection: str
    groups: tuple[str, ...] = ()
    bastion: Bastion | None = None
    source: str = ""
    own_groups: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    session_manager: SessionManager | None = None

    def port_of(self, host: Host) -> int:
        """The SSH port of a host."""
        return host.port or self.port

    @property
    def route(self) -> Route | None:
        """What ssh goes through to every host; None where it reaches them directly."""
        return self.bastion or self.session_manager


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How the configuration reaches the hosts of an environment, and the groups that have all of them.

    `address` is what of an EC2 instance is used: "public_dns", "private_ip" or "instance_id".
    """

    user: str
    port: int = 22
    connection: str = "ssh"
    address: str = "public_dns"
    groups: tuple[str, ...] = ()
    bastion: Bastion | None = None
    session_manager: SessionManager | None = None

    def inventory(self, environment: str, hosts: tuple[Host, ...] = ()) -> Inventory:
        """The inventory of these hosts."""
        return Inventory(
            environment,
            hosts,
            self.user,
            self.port,
            self.connection,
            self.groups,
            self.bastion,
            session_manager=self.session_manager,
        )


@dataclass(frozen=True, slots=True)
class WantedHosts:
    """Which EC2 instances are hosts of an environment: those whose tag is `tag` with {environment} and {machine} filled in."""

    environment: str
    machines: tuple[str, ...]
    tag: str
    settings: HostSettings


@stored("failed-task")
@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that failed on a host, or for which it could not be reached.

    `output` is its message and stderr, cut to the last lines.
    """

    host: str
    task: str
    path: str
    output: str
    unreachable: bool = False


@stored("task-change")
@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task that changed something on a host, or would have; `path` is its file:line."""

    host: str
    task: str
    path: str


@stored("host-result")
@dataclass(frozen=True, slots=True)
class HostResult:
    """How a playbook went on one host, in Ansible's PLAY RECAP numbers.

    `current_task` is the one that it is at, or where it stopped; of a host that was NOT_REACHED, the next one that it would
    have got, None where it got none. `task_number` counts from 1 through the playbook.
    `started_at` is when its first task began, `observed_at` when it was last heard of, in Unix seconds.
    """

    host: str
    state: State
    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0
    current_task: str | None = None
    task_number: int = 0
    started_at: float | None = None
    observed_at: float | None = None


@stored("forced-tasks")
@dataclass(frozen=True, slots=True)
class ForcedTasks:
    """Tasks with `check_mode: false` that ran in a check.

    `runs` counts each host of each task, `changed` those that reported a change, `tasks` the tasks; `names` are the first of them, with
    file:line. Unless `complete`, Ansible's report is missing or incomplete: there may be more.
    """

    tasks: int = 0
    runs: int = 0
    changed: int = 0
    names: tuple[str, ...] = ()
    complete: bool = False


@stored("playbook-result")
@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """A playbook under way or ended. `finished` is false when it was interrupted.

    `refused` is why it could not be run at all, and its hosts wait; `overdue` why it was ended for taking
    too long; `uncertainty` why the outcome of hosts in the state UNKNOWN is not known. `task_total` is 0 if unknown; only a
    check has `changes` and `forced`. `tolerated` are failures that the playbook ignored or rescued.
    """

    playbook: str
    state: State
    hosts: tuple[HostResult, ...]
    failures: tuple[FailedTask, ...] = ()
    finished: bool = True
    log_tail: str = ""
    task_total: int = 0
    changes: tuple[TaskChange, ...] = ()
    refused: str = ""
    overdue: str = ""
    uncertainty: str = ""
    tolerated: tuple[FailedTask, ...] = ()
    forced: ForcedTasks = ForcedTasks()


@stored("changed-key")
@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A server that shows another host key than the one on record; both fingerprints as ssh shows them."""

    host: str
    instance_id: str
    pinned: str
    presented: str
