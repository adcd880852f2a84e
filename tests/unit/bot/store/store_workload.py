"""A workload that goes through every public function of bot/store that asks the database."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.errors import Denied
from bot.store import operation_counts, rollouts
from bot.store.anchors import Anchors
from bot.store.annotations import Annotations
from bot.store.approvals import ApprovalRequest, Approvals, Outcome
from bot.store.artifact_places import DatabasePlace
from bot.store.artifacts import Artifacts
from bot.store.audit import MARGIN, Audit, Entry, request_detail
from bot.store.audit_verification import first_fault
from bot.store.channels import Channels
from bot.store.children import ChildRow, ChildRows
from bot.store.copies import Copies
from bot.store.cursors import Cursors
from bot.store.deliveries import Deliveries
from bot.store.deployments import Deployments, MachineCommits
from bot.store.history import History, Position, Wanted
from bot.store.host_keys import HostKeys
from bot.store.images import FollowedRun, Images
from bot.store.operations import Operations, Request, Status
from bot.store.outbox import Outbox
from bot.store.removals import Removals
from bot.store.retention import Retention
from bot.store.run_claims import RunClaims
from bot.store.run_slots import Claim, Place, Precedence, RunSlots
from bot.store.workers import Identity, Lease, Workers
from runners.results import Candidate, Commit, Removal, RollOut, Snapshot, What
from tests.filled_tables import NOW
from tests.unit.bot.store.people_workload import choose, typed_twice
from tests.unit.bot.store.test_host_keys import ED, OTHER
from tests.unit.bot.store.test_images import BACKEND, IMAGE, SIGN, job

if TYPE_CHECKING:
    from bot.store.database import Store

COMMIT = Commit("o/r", "a" * 40, "main", "Fix", "Ada", "https://github.com/o/r/commit/a")


def clock() -> float:
    return NOW


class Workload:
    """The workload on a store; what it writes is sealed and chained as the bot's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._operations = Operations(store, clock)
        self._audit = Audit(store, clock, str, store.keyring)
        self._numbers = list[int]()

    async def run(self) -> None:
        """Everything once, as the bot does it: some operations begin, and are read, changed, ended and collected."""
        await Retention(self._store, clock).delete_unused(NOW - 86_400)
        earlier = Audit(self._store, lambda: NOW - MARGIN - 1.0, str, self._store.keyring)
        await earlier.record(Entry("U1", "deploy", "env1"))  # where the chain of what follows begins
        twice = await typed_twice(self._operations, (_request(5), _request(6)))
        self._numbers = [*[await self._operations.create(_request(key)) for key in range(5)], twice]
        await choose(self._store, clock)
        await self._read_operations()
        await self._change_operations()
        await self._audit_log()
        await self._approve()
        await self._run_claims()
        await self._deploy()
        await self._images()
        await self._files()
        await self._children()
        await self._messages()
        await self._workers()
        await self._retention()

    async def _read_operations(self) -> None:
        operations, number = self._operations, self._numbers[0]
        await operations.started_by("request 0")
        await operations.key_of(number)
        await operations.get(number)
        await operations.verified(number)
        await operations.open_in("env1", "env2")
        await operations.queues()
        await operations.newest_with_title("env1", "Title 3")
        await operations.newest_with_title("env1", "a title that nothing has")
        await operations.recent()
        await operations.open_between("env1", NOW - 3_600, NOW)
        await operations.open_numbers()
        await operations.open_keys()
        await operations.numbers_awaiting_approval()
        await operations.counts()
        await self._store.run(operation_counts.read)
        await self._store.run(lambda connection: operation_counts.add_ended(connection, NOW + 60))

    async def _change_operations(self) -> None:
        operations, number = self._operations, self._numbers[0]
        await operations.set_message(number, "C1", "1.1")
        await operations.set_status(number, Status.APPROVAL, "waits")
        await operations.begin_side_effect(number, "apply")
        await operations.begin_side_effect(number, "apply")
        await operations.side_effects_of(number)
        await operations.require_lease()
        await operations.start(self._numbers[1])
        await operations.cancel_queued(self._numbers[2], "U1")
        await operations.request_cancel(number, "U1")
        await operations.cancel_requested(number)
        annotations = Annotations(self._store, clock)
        await annotations.add(number, "plan", "digest")
        await annotations.values_of(number, "plan", up_to=await annotations.newest(number))

    async def _audit_log(self) -> None:
        audit, number = self._audit, self._numbers[0]
        first = Entry("U1", "deploy", "env1", number, request_detail("request 0", NOW))
        await audit.record(first)
        await audit.record_once(Entry("U1", "deploy: playbook", "env1", number, {"machine": "web"}))
        await self._store.run(lambda connection: audit.append(connection, Entry("U1", "approve", "env1", number)))
        await audit.read(newest=10)
        await audit.of_operation(number)
        await self._history()
        first_fault(self._store.engine)
        copies = Copies(self._store, clock, "bench")
        await copies.next_batch("file", 10)
        await copies.advance("file", 9_990)
        await copies.next_batch("file", 10)
        anchors = Anchors(self._store, clock, self._store.keyring, "bench")
        if due := await anchors.next_due("stdout", every=60, entries=1):
            await anchors.mark_sent("stdout", due)
        await anchors.next_due("stdout", every=60, entries=1)

    async def _history(self) -> None:
        history, targets = History(self._store, self._audit), frozenset({"env1", "env2"})
        below = Position(9_000, 9_000)
        for wanted in (
            Wanted(),
            Wanted(targets=targets),
            Wanted(targets=targets, person="U7"),
            Wanted(person="U7"),
            Wanted(person="nobody"),
            Wanted(kinds=frozenset({"x7"}), actions=frozenset()),
            Wanted(targets=targets, kinds=frozenset({"x7"}), actions=frozenset({"x7"})),
            Wanted(kinds=frozenset(), actions=frozenset({"refused"})),
        ):
            await history.page(wanted, ["deploy", "plan"], 15)
            await history.page(wanted, ["deploy", "plan"], 15, below)
        await history.steps(self._numbers[0])
        await history.ends(self._numbers)

    async def _approve(self) -> None:
        approvals, number = Approvals(self._store, clock), self._numbers[0]
        request = ApprovalRequest(number, "env1", "b" * 64, "U1", "C1", "1.1", 2, 600.0)
        approval = await approvals.create(request)
        await approvals.of_binding(number, request.binding)
        await approvals.decide(approval.id, "U2", Outcome.APPROVED)
        with suppress(Denied):
            await approvals.decide(approval.id, "U2", Outcome.APPROVED)
        await approvals.get(approval.id)
        await approvals.votes_of(number, Outcome.APPROVED)
        await approvals.close_outside_slack((await approvals.create(replace(request, binding="c" * 64))).id)
        await approvals.supersede(number)
        await approvals.close_undecided(number)

    async def _run_claims(self) -> None:
        claims, number = RunClaims(self._store, clock), self._numbers[0]
        workflow = "o/r file1.yml main"
        await claims.begin_dispatch(number, workflow, alone_since=NOW - 3_600)
        await claims.was_dispatched(number)
        await claims.claim(number, 10_000_000_001)
        await claims.run_of(number)
        await claims.claimed_runs([10_000_000_001, 10_000_000_002])
        await claims.operation_of(10_000_000_001)
        await claims.started_here(10_000_000_001)
        await claims.rivals(self._numbers[1], workflow, NOW - 3_600)
        await claims.drop_dispatch(number)
        await claims.claim_hcp(number, "run-1")
        await claims.hcp_run_of(number)
        await claims.operation_of_hcp_run("run-1")

    async def _deploy(self) -> None:
        record = await self._operations.get(self._numbers[0])
        deployments = Deployments(self._store, clock)
        await deployments.add(record, COMMIT)
        await deployments.current("env1")
        await deployments.current("an environment without a deploy")
        await deployments.set_reported_drift("env1", "f" * 64)
        await deployments.reported_drift("env1")
        commits = MachineCommits(self._store, clock)
        await commits.set_instances(record, COMMIT, "web", ["i-1"], all_instances=False)
        await commits.set_roles(record, COMMIT, ["web"])
        await commits.in_environment("env1")
        keys = HostKeys(self._store, clock)
        await keys.trust({"i-1": [ED]})
        await keys.record_changed(record.number, {"i-1": [OTHER]})
        await keys.accept(record.number, "U1", lambda _connection, _accepted: None)
        await keys.trusted(["i-1", "i-2"])

    async def _images(self) -> None:
        images, number = Images(self._store, clock), self._numbers[0]
        image = replace(IMAGE, operation=number, job_id=70_000_001, machine="machine1", environment="env1")
        await images.add(image)
        await images.get(image.image_id)
        await images.of_run(image.run_id)
        await images.newest("machine1", "env1")
        await images.newest("machine without a build", "env1")
        [warning] = await images.add_warnings(FollowedRun(number, image.run_id), job(image.job_id), BACKEND, [SIGN])
        await images.warnings_of([image.job_id])
        await images.warning(warning.id)
        await images.open_warnings([image.image_id])
        await images.dismiss(warning.id, "U1", "harmless")
        await images.add_log_scan(image.job_id, 1_000)
        await images.log_scan(image.job_id)
        await images.add_rollout(RollOut(image.image_id, number, "env1", "machine1", "U1", NOW))
        await images.last_rolled_out()
        await self._store.run(rollouts.last_rolled_out)
        await images.rollouts_of(image.image_id)
        removals = Removals(self._store)
        removal = Removal("us-east-1", "ami-1", "web", "web", (Snapshot("snap-1", 8),))
        await removals.propose(number, [Candidate(What.IMAGE, removal, "web env1", NOW)])
        await removals.exclude(number, ["ami-1"], "U1")
        await removals.proposed_by(number)

    async def _files(self) -> None:
        place = DatabasePlace(self._store)
        artifacts = Artifacts(self._store.keyring, place, Annotations(self._store, clock))
        await artifacts.put(self._numbers[0], "plan", b"plan", "the saved plan")
        await artifacts.get(self._numbers[0], "plan", "the saved plan")
        stored = await place.operations()
        await artifacts.delete(self._numbers[0])

        async def all_open() -> frozenset[int]:
            return stored

        await artifacts.sweep(all_open)

    async def _children(self) -> None:
        rows, number = ChildRows(self._store), self._numbers[0]
        await rows.claim(ChildRow(number, "apply", "keeper 1", "m", "host", "serve"), 60.0)
        await rows.claim(ChildRow(number, "plan", "keeper 2", "m", "host", "serve"), -60.0)
        row = await rows.find(number, "apply")
        assert row
        await rows.find_started(number, "plan")
        await rows.of_operation(number)
        await rows.request_cancel(row, 5.0)
        await rows.output(row, "output", 0)
        await rows.revoke(row)
        await rows.forget(number)
        await rows.operations()

    async def _messages(self) -> None:
        outbox, number = Outbox(self._store, clock), self._numbers[0]
        await outbox.put(number, "status", 0, b"text")
        await outbox.replace(number, "status", 0, b"text")
        await outbox.waits(number, "status")
        claimed = await outbox.claim(60.0)
        assert claimed
        await outbox.failed(claimed, "ratelimited", 30.0)
        await outbox.due_now(30.0)
        await outbox.delivered(claimed)
        await outbox.backlog()
        channels = Channels(self._store)
        await channels.put({"#a": "C1"})
        await channels.get("#a")
        await channels.forget("C1")
        deliveries = Deliveries(self._store, clock)
        await deliveries.use("delivery")
        await deliveries.is_used("delivery")
        cursors = Cursors(self._store, clock)
        await cursors.claim("runs", 1)
        await cursors.advance("runs", 2)
        await cursors.get("runs")

    async def _workers(self) -> None:
        workers = Workers(self._store, timedelta(minutes=1))
        lease = await workers.acquire(Identity("serve", "m", "host", "1"))
        assert isinstance(lease, Lease)
        await workers.renew(lease)
        await self._store.run(lease.check)
        await workers.drain("serve", draining=True)
        [worker] = await workers.all()
        await workers.oldest_queued()
        slots = RunSlots(self._store, lease, Place("m", 2))
        await slots.state([Claim(self._numbers[0], Precedence.PLAN)])
        await slots.state([])
        await workers.end_expired(worker)
        await workers.release(lease)

    async def _retention(self) -> None:
        retention = Retention(self._store, clock)
        await retention.claim(NOW)
        await retention.needed(self._numbers, ["request 0"], NOW - 86_400)
        await retention.numbers_of(["request 0"])
        await retention.delete_working_rows(self._numbers)


def _request(key: int) -> Request:
    return Request(f"request {key}", "deploy", "env1", "U1", "Title 3", "C1", {}, NOW)
