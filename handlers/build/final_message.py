"""The message of a build that is over: rendered when the run ends, and again when a warning is dismissed or a rerun begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.operations.operation import Operation
from handlers.build import image_views, matrix as matrix_views
from handlers.build.automatic_reruns import rerun_key
from handlers.build.image_plans import environment_images, plans_begun
from handlers.shared import log_judgement_views
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs
from runners.stored import stored

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.build.matrix import BuildMatrix

FINAL_STEP = "final matrix"  # its result is read again when the message is rendered again


@stored("final-build")
@dataclass(frozen=True, slots=True)
class FinalState:
    """The state of a build when its run was over; `cancelled` says who cancelled it (mrkdwn).

    `judged` are the findings in its logs that make no job suspect.
    """

    matrix: BuildMatrix
    cancelled: str
    judged: JudgedLogs = NO_FINDINGS


async def record_final_state(operation: Operation, matrix: BuildMatrix, cancelled: str, judged: JudgedLogs) -> Message:
    """Durable: store the state in which the run ended; the message for it."""

    async def state() -> FinalState:
        return FinalState(matrix, cancelled, judged)

    final = await operation.step(FINAL_STEP, state)
    return await operation.step("final message", lambda: _message(operation.services, operation.number, final))


async def final_matrix(services: Services, number: int) -> BuildMatrix | None:
    """The matrix with which build `number` ended; None when the end of its run was never read."""
    final = await services.engine.result(number, FINAL_STEP, FinalState)
    return final.matrix if final else None


async def update_final_message(services: Services, number: int) -> None:
    """Update the message of a build that is over: dismissed warnings, and the operation that runs failed jobs again."""
    record = await services.operations.get(number)
    final = await services.engine.result(number, FINAL_STEP, FinalState) if record.status.ended else None
    if final is None:
        return  # a build in progress updates its message itself; a lost run has no warnings on its message
    operation = Operation(services, record)
    await operation.update_ended(await _message(services, record.number, final))


async def _message(services: Services, number: int, final: FinalState) -> Message:
    matrix = final.matrix
    run = matrix.run
    all_warnings = await services.images.warnings_of(matrix.annotations)
    dismissed = {
        job_id for job_id, warnings in all_warnings.items() if not any(warning.is_open for warning in warnings)
    }
    annotations = {
        job_id: replace(annotation, suspect=annotation.suspect and job_id not in dismissed)
        for job_id, annotation in matrix.annotations.items()
    }
    built_for = {environment for _, environment in matrix.grid.cells}
    names = [name for name in matrix.environments if name in built_for]
    environments = await environment_images(services, run.run_id, names)
    closing = image_views.environment_rows(number, environments, await plans_begun(services, number, environments))
    closing = [*closing, *log_judgement_views.blocks(final.judged, number)]
    again = await services.operations.started_by(rerun_key(run.run_id, run.attempt))
    return matrix_views.ended(
        replace(matrix, annotations=annotations),
        closing,
        cancelled=final.cancelled,
        rerun=True,
        again=again.number if again and again.number != number else 0,
    )
