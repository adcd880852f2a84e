"""How a deploy goes out through Ansible: the code at the commit, the machines that run, a playbook for each type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.blocks import deploy as drawing
from bot.errors import UserError
from bot.operations import Status
from handlers import trail
from handlers.code import code_of
from runners import ansible, inventory
from runners.ansible import PlaybookJob
from runners.results import Inventory, PlaybookResult, State

if TYPE_CHECKING:
    from bot.blocks.deploy import Outgoing
    from bot.blocks.operation import ApprovalView
    from bot.chat import Live
    from bot.config import Ansible, Config, Environment
    from bot.operation import Operation
    from runners.aws import Clients

FAILURES_SHOWN = 8
LOOKUP_TIMEOUT = 60.0


async def roll_out(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None) -> None:
    """Durable: one machine type after the other, in the configured order; the first failure stops the rest."""
    hosts = await operation.step("inventory", lambda: find_hosts_of(operation))
    machines = operation.environment.machines
    results: list[PlaybookResult] = []
    for machine in machines:
        result = await _play(operation, outgoing, approval, _Turn(machine, hosts, tuple(results)))
        results.append(result)
        if result.state is not State.SUCCEEDED or not result.finished:
            break
    await _report(operation, outgoing, approval, results)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A machine type's turn: what ran before it, and the hosts of the whole environment."""

    machine: str
    hosts: Inventory
    before: tuple[PlaybookResult, ...]

    @property
    def own_hosts(self) -> Inventory:
        return replace(self.hosts, hosts=tuple(host for host in self.hosts.hosts if host.machine == self.machine))


async def _play(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None, turn: _Turn) -> PlaybookResult:
    timeout = operation.services.config.operations.deploy_timeout.total_seconds()
    machines = len(operation.environment.machines)

    async def do() -> PlaybookResult:
        job = await _job(operation, outgoing, turn)
        await trail.playbook_started(operation, turn.machine, outgoing.commit)
        async with operation.live() as live:
            result = await ansible.run_playbook(job, on_progress=lambda result: progress(live, result), timeout=timeout)
        await trail.playbook_ended(operation, turn.machine, result)
        return operation.services.redact.within(result)

    async def recover() -> PlaybookResult:
        # The playbook may have gone on without us; it is followed to its end, and never started a second time.
        job = await _job(operation, outgoing, turn)
        async with operation.live() as live:
            found = await ansible.resume_playbook(
                job, on_progress=lambda result: progress(live, result), timeout=timeout
            )
        if found is None:
            return await do()
        await trail.playbook_ended(operation, turn.machine, found)
        return operation.services.redact.within(found)

    async def progress(live: Live, result: PlaybookResult) -> None:
        results = (*turn.before, result)
        live.show(lambda: drawing.hosts_progress(operation.head, outgoing, approval, results, machines))

    return await operation.once(f"playbook {turn.machine}", do=do, recover=recover)


async def _job(operation: Operation, outgoing: Outgoing, turn: _Turn) -> PlaybookJob:
    settings, secrets = settings_of(operation.environment), operation.services.secrets
    secret_vars = {name: secrets.value(source) for name, source in settings.secret_vars.items()}
    operation.services.redact.add(secret_vars.values())
    return PlaybookJob(
        project=await code_of(operation, outgoing.commit) / settings.directory,
        playbook=settings.playbook.format(machine=turn.machine, environment=operation.environment.name),
        inventory=turn.own_hosts,
        limit=None,
        extra_vars={**settings.extra_vars, "signalbox_commit": outgoing.commit.sha},
        secret_vars=secret_vars,
        private_key=secrets.value(settings.private_key_env) if settings.private_key_env else None,
        scratch=operation.scratch / f"playbook-{turn.machine}",
    )


async def _report(
    operation: Operation, outgoing: Outgoing, approval: ApprovalView | None, results: list[PlaybookResult]
) -> None:
    services, ended = operation.services, results[-1]
    not_started = operation.environment.machines[len(results) :]
    message = drawing.hosts_ended(operation.head, outgoing, approval, results, not_started)
    if ended.state is State.SUCCEEDED and ended.finished:
        await operation.step("record", lambda: services.operations.record_deployed(operation.record, outgoing.commit))
        await operation.end(Status.SUCCEEDED, message)
        return
    for index, failure in enumerate(ended.failures[:FAILURES_SHOWN]):
        await operation.details(f"failure {index}", drawing.failing_task(failure))
    if not ended.failures and ended.log_tail:
        await operation.details("log", drawing.playbook_log(ended))
    await operation.end(Status.FAILED if ended.finished else Status.INTERRUPTED, message)


async def find_hosts_of(operation: Operation) -> Inventory:
    """The running machines of the operation's environment."""
    services = operation.services
    return await find_hosts(services.config, operation.environment, services.aws)


async def find_hosts(config: Config, environment: Environment, clients: Clients) -> Inventory:
    """The running machines of an environment, reached as its configuration says."""
    settings = settings_of(environment)
    return await inventory.find_hosts(
        clients.ec2,
        environment=environment.name,
        machines=environment.machines,
        tag=config.instance_tag,
        address=settings.address,
        user=settings.user,
        port=settings.port,
        connection=settings.connection,
        timeout=LOOKUP_TIMEOUT,
    )


def settings_of(environment: Environment) -> Ansible:
    """How the environment deploys with Ansible. Raises UserError when it does not."""
    if environment.deploy.ansible is None:
        raise UserError(f"{environment.name} does not deploy through Ansible.")
    return environment.deploy.ansible
