"""Which run is an operation's: asked where runs look alike, and answered by a button."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.engine.watch import Watch
from bot.errors import UserError
from bot.operations.registry import Button
from bot.slack.blocks import replies
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.shared import permissions, run_choice_views
from handlers.shared.clicks import clicked
from handlers.shared.run_choice_views import CHOOSE_RUN, NO_RUN
from handlers.shared.run_search import UnclearRuns
from runners.errors import RunnerError, UnavailableError

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.shared.run_search import RunSearch

CHOSEN = "run chosen"  # an annotation of the operation: the run's id, or NO_RUN, and who said so
CHECK_INTERVAL = 60.0  # seconds, even if nobody clicks: the runs may have become certain meanwhile
LONGEST_WAIT = 6 * 3_600.0  # seconds


async def chosen_run(operation: Operation, search: RunSearch, unclear: UnclearRuns) -> int:
    """Durable: display the runs, and wait until somebody says which of them is the operation's, or it becomes certain.

    Raises RunnerError when somebody says that it is none of them, and UncertainError when nobody says anything.
    """
    began = await operation.step("asks which run", lambda: _ask(operation, unclear))
    expires = began + operation.target.approval.expires_after.total_seconds()
    while True:
        message = run_choice_views.which_run(operation.head, unclear.runs, search.unshown_mark, expires)
        await operation.show("which run", message, Status.RUNNING, "waits until somebody says which run is its own")
        watch = Watch(partial(_may_continue, operation, search, unclear, expires), CHECK_INTERVAL)
        await operation.services.engine.wait(LONGEST_WAIT, watch)
        try:
            answer = await operation.step("answer", lambda: _answer(operation, search, expires))
        except RunnerError:
            await _report_choice(operation)
            raise
        if isinstance(answer, int):
            await _report_choice(operation)
            return answer
        if answer is not None:
            unclear = answer


async def _ask(operation: Operation, unclear: UnclearRuns) -> float:
    await operation.annotate("run unclear", runs=", ".join(str(run.run_id) for run in unclear.runs))
    return operation.services.clock()


async def _report_choice(operation: Operation) -> None:
    """Post into the thread who chose what, if anybody did."""
    answers = await operation.step(
        "who chose", lambda: operation.services.annotations.values_of(operation.number, CHOSEN)
    )
    if answers:
        run, _, user = answers[-1].partition(" ")
        await operation.details("run chosen", run_choice_views.chosen(operation.head, run, user))


async def _answer(operation: Operation, search: RunSearch, expires: float) -> int | UnclearRuns | None:
    """Within a step: the run; else the runs that are possible now, None where these cannot be read."""
    services, number = operation.services, operation.number
    if claimed := await services.run_claims.run_of(number):  # by this step, before the bot was stopped
        return claimed
    answers = [value.split(" ") for value in await services.annotations.values_of(number, CHOSEN)]
    if answers and answers[-1][0] == NO_RUN:
        # The dispatch stays recorded: its run may still appear, and is no other operation's then.
        raise _none_of_them(search)
    try:
        runs = await search.candidates()
    except UnavailableError:
        return None
    chosen = answers[-1][0] if answers else ""
    if chosen in {str(run.run_id) for run in runs} and await search.claim(int(chosen)):
        return int(chosen)
    if certain := await search.claim_if_certain(runs):
        return certain
    if services.clock() >= expires:
        raise search.uncertain("Its run looks like others", "nobody said which of them it is")
    return UnclearRuns(tuple(runs)) if runs else None


async def _may_continue(operation: Operation, search: RunSearch, unclear: UnclearRuns, expires: float) -> bool:
    """Outside of a step: whether `_answer` may find another answer than before."""
    services, number = operation.services, operation.number
    if services.clock() >= expires or await services.annotations.values_of(number, CHOSEN):
        return True
    try:
        runs = await search.candidates()
    except UnavailableError:
        return False
    except RunnerError:
        return True  # the step reports it
    displayed = {(run.run_id, run.state) for run in unclear.runs}
    return len(runs) == 1 or bool(runs and {(run.run_id, run.state) for run in runs} != displayed)


def _none_of_them(search: RunSearch) -> RunnerError:
    wanted = search.wanted
    return RunnerError(
        f"starting {wanted.workflow}",
        "none of the runs on GitHub is this operation's, by the answer of a person",
        remedy=f"Run {wanted.command} again.",
    )


async def choose(services: Services, click: Click) -> Message:
    """Take the word of an approver or of the requester for which run is the operation's."""
    number, _, run = click.value.partition(":")
    record = await clicked(services, click, number)
    attempt = permissions.attempt_on(record, click.user, "say which run it is")
    await permissions.check_may_reject(services, attempt, needed_for(record), requester=record.requester)
    if record.status.ended:
        raise UserError(f"#{record.number} is over already; nothing changed.")
    if await services.run_claims.run_of(record.number):
        raise UserError(f"#{record.number} has its run already; nothing changed.")
    if run != NO_RUN and (not run.isdecimal() or int(run) in await services.run_claims.claimed_runs([int(run)])):
        raise UserError("This run belongs to another operation by now; choose again in a moment.")
    await services.annotations.add(record.number, CHOSEN, f"{run} {click.user}")
    await services.audit.record(Entry(click.user, "run chosen", record.environment, record.number, {"run": run}))
    await services.engine.wake(record.number)
    return replies.done(f"#{record.number} continues; its message says how.")


BUTTONS = (Button(CHOOSE_RUN, choose),)
