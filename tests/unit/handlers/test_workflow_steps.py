"""A changed step of a workflow is reported: operations that wait since before the change replay them by name and order."""

from __future__ import annotations

import ast
import json

from bot.engine.versions import APPLICATION_VERSION
from tests.unit.handlers import workflow_steps

REMEDY = (
    "has other steps than tests/data/workflow_steps.json. An operation that waits replays the old ones. Keep them for it "
    "with engine.patched, raise APPLICATION_VERSION (docs/extending.md, “Change a workflow”), and store the new steps: "
    "python -m tests.unit.handlers.workflow_steps > tests/data/workflow_steps.json"
)


def test_the_steps_of_each_workflow_are_the_stored_ones() -> None:
    stored, now = json.loads(workflow_steps.FILE.read_text()), workflow_steps.steps()
    changed = [name for name in sorted({*stored["steps"], *now}) if stored["steps"].get(name) != now.get(name)]
    assert not changed, f"{', '.join(changed)} {REMEDY}"
    assert stored["version"] == APPLICATION_VERSION, REMEDY


def test_a_changed_step_is_seen() -> None:
    def of(source: str) -> list[str]:
        return [
            step
            for _, function in workflow_steps._functions(ast.parse(source))
            for step in workflow_steps._calls(function)
        ]

    before = of("async def plan(operation):\n    await operation.step('plan', f)\n    await operation.end(1, m)\n")
    assert before == ["plan", "end"]
    patched = of(
        "async def plan(operation):\n    if await operation.services.engine.patched('policy'):\n        await operation.audit('x')\n"
    )
    assert patched == ["patch policy", "audit x"]
