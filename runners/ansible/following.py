"""A playbook under way, followed through its output to its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from runners.ansible.conclusion import conclude, forced_tasks
from runners.ansible.events import NEVER_DISPLAYED, PlaybookRecord, masker
from runners.ansible.files import LONGEST_OUTCOMES
from runners.ansible.logfile import LogFile
from runners.ansible.outcomes import Outcomes
from runners.ansible.refusals import refusal, stopped_by
from runners.errors import TimedOutError
from runners.processes.stragglers import end_marked
from runners.results import FailedTask, ForcedTasks, HostResult, PlaybookResult, State, TaskChange
from runners.ssh import route
from runners.ssh.host_keys import refused_as_new
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runners.ansible.files import Places
    from runners.ansible.job import PlaybookJob
    from runners.processes.children import Child

    OnProgress = Callable[[PlaybookResult], Awaitable[None]]

GRACE = 5.0  # seconds: ansible-runner answers SIGINT by killing ansible-playbook, at most 5 s later
PROGRESS_PAUSE = 0.2  # seconds, at least, between two calls of on_progress
TICK = 10.0  # seconds, at most, between them: what hangs must be seen to hang
LAST_WORD = 5.0  # seconds that a call of on_progress may take after the end

log = logging.getLogger(__name__)


class Following:
    """One run, from its first line on; begun anew after a restart, it reads them all again."""

    def __init__(self, job: PlaybookJob, places: Places, run: Child) -> None:
        self._job = job
        self._places = places
        self._run = run
        self._log = LogFile(places.log)
        self._mask = masker([*job.secret_vars.values(), *filter(None, job.secret_files.values())])
        names = [host.name for host in job.inventory.hosts]
        self._root = os.path.realpath(job.project) + "/"
        self._record = PlaybookRecord(
            job.playbook,
            names,
            self._root,
            self._mask,
            keep_line=self._log.write,
            check=job.check,
            explain=self._why_unreachable,
        )
        self._changed, self._over = asyncio.Event(), asyncio.Event()

    def _why_unreachable(self, name: str, output: str) -> str:
        inventory = self._job.inventory
        address = next((host.address for host in inventory.hosts if host.name == name), name)
        if inventory.route and (why := route.in_words(output, inventory.route, address)):
            return why
        return NEVER_DISPLAYED if refused_as_new(output) else ""

    async def to_the_end(self, on_progress: OnProgress, timeout: float) -> PlaybookResult:
        """See `run_playbook`."""
        reporting = asyncio.create_task(self._report_changes(on_progress))
        try:
            exit_code = await self._wait(timeout)
        finally:
            self._over.set()
            self._changed.set()
            await asyncio.wait([reporting], timeout=LAST_WORD)
            reporting.cancel()
            self._log.close()
        return await self._conclude(exit_code)

    async def _wait(self, timeout: float) -> int | None:
        try:
            async with asyncio.timeout(timeout):
                async for line in self._run.lines():
                    if self._record.take(line):
                        self._changed.set()
                return await self._run.wait(timeout)
        except (TimeoutError, TimedOutError):
            await asyncio.shield(self._cut_short())
            raise TimedOutError(
                self._job.doing,
                f"it took longer than {timeout:g} seconds and was ended",
                log_tail=self._record.log_tail(),
            ) from None
        except asyncio.CancelledError:
            await asyncio.shield(self._cut_short())
            raise

    async def _cut_short(self) -> None:
        await end(self._places, self._run)
        await asyncio.to_thread(keep, self._places, self._record.result(None, ended=True))

    async def _report_changes(self, on_progress: OnProgress) -> None:
        """Report the newest state after each change, but not too often; a slow receiver delays nothing."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._changed.wait()
            if self._over.is_set():
                return
            self._changed.clear()
            await _report(on_progress, self._record.result())
            with suppress(TimeoutError):
                async with asyncio.timeout(PROGRESS_PAUSE):
                    await self._over.wait()

    async def _conclude(self, exit_code: int | None) -> PlaybookResult:
        record, places = self._record, self._places
        cancelled = (places.cancelled.exists() or await self._run.was_cancelled()) and not record.has_recap
        refused = exit_code is not None and exit_code > 0 and not record.has_tasks
        if not cancelled and (refused or record.ran_nowhere):
            await give_up(places)
            raise refusal(self._job, record, exit_code)
        if not record.has_recap:
            await end_marked(str(places.base))
        result = record.result(exit_code, ended=True, cancelled=cancelled)
        error = "" if record.has_recap or cancelled else stopped_by(record, exit_code)
        outcomes = Outcomes(await self._outcomes())
        if record.has_recap or error:
            result = conclude(result, outcomes, exit_code=exit_code, root=self._root, mask=self._mask, error=error)
        if self._job.check:
            result = replace(result, forced=forced_tasks(outcomes, root=self._root, mask=self._mask))
        await asyncio.to_thread(keep, places, result)
        return result

    async def _outcomes(self) -> list[str]:
        """The lines that our callback plugin wrote; none where it did not load, or a playbook put something else there."""
        try:
            content = await self._run.written_file(self._places.outcomes, most=LONGEST_OUTCOMES)
        except OSError:
            return []
        return content.decode("utf-8", "replace").splitlines()


async def end(places: Places, run: Child) -> None:
    """End a run with all that it started: ansible-playbook and its workers have sessions of their own."""
    await run.cancel(GRACE)
    await end_marked(str(places.base))


async def give_up(places: Places) -> None:
    """Leave nothing of a run that has no result."""
    await asyncio.to_thread(places.remove_secrets)


def keep(places: Places, result: PlaybookResult) -> None:
    """Leave the masked result, then delete everything else: in this order a kill in between loses nothing."""
    try:
        _write(places, result)
    except OSError:
        places.remove_secrets()  # which makes room where the disk is full
        try:
            _write(places, result)
        except OSError:
            log.exception("how %s ended could not be written down", result.playbook)
    places.remove_secrets()


def _write(places: Places, result: PlaybookResult) -> None:
    temporary = places.result.with_suffix(f".{time.monotonic_ns()}")
    try:
        write_secret(temporary, json.dumps(asdict(result)))
        temporary.replace(places.result)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_result(text: str) -> PlaybookResult:
    """A PlaybookResult from the JSON of its fields."""
    stored = json.loads(text)
    hosts = tuple(HostResult(**{**entry, "state": State(entry["state"])}) for entry in stored.pop("hosts"))
    failures = tuple(FailedTask(**entry) for entry in stored.pop("failures"))
    tolerated = tuple(FailedTask(**entry) for entry in stored.pop("tolerated"))
    changes = tuple(TaskChange(**entry) for entry in stored.pop("changes"))
    state = State(stored.pop("state"))
    forced = stored.pop("forced", {})
    names = {"names": tuple(forced.get("names", ()))}
    parts = {"hosts": hosts, "failures": failures, "tolerated": tolerated, "changes": changes}
    return PlaybookResult(**(stored | parts), state=state, forced=ForcedTasks(**{**forced, **names}))


async def _report(on_progress: OnProgress, result: PlaybookResult) -> None:
    try:
        await on_progress(result)
    except Exception:
        log.exception("Nobody heard how %s goes", result.playbook)
