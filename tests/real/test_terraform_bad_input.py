"""What can be wrong with code, programs and disks: a message that names the step, and nothing left behind."""

from __future__ import annotations

import platform
import resource
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import NotFoundError, RunnerError, StalePlanError, UnavailableError
from runners.terraform import PLAN_FILE, Program
from tests.real.terraform_support import LONG, ProgressLog, none_runs, planned, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

GOOD = 'resource "terraform_data" "a" { input = "x" }'
PROVIDER = """
    terraform {
      required_providers {
        crash = { source = "example.com/lineside/crash" }
      }
    }
    resource "crash_thing" "a" {}
"""
PATHS = 'resource "terraform_data" "a" {\n  count = 200\n  input = "%s ${count.index}"\n}' % ("x" * 200)


@dataclass(frozen=True)
class Case:
    """Code, and a shell's words around the real program ("$T")."""

    says: str
    code: str = GOOD
    around: str = 'exec "$T" "$@"'
    kind: type[RunnerError] = RunnerError
    doing: str = "planning instances/staging"
    log: str = ""


CASES = {
    "no such directory": Case(
        "the code has no directory instances/staging", "", kind=NotFoundError, doing="initialising instances/staging"
    ),
    "HCL that does not parse": Case(
        r"Invalid expression \(main.tf:2\)",
        'resource "terraform_data" "a" {\n  input = \n}',
        doing="initialising instances/staging",
        log="main.tf:2",
    ),
    "another version of Terraform": Case(
        r"wants Terraform ~> 0\.12, and this is terraform \d+\.\d+\.\d+ \(main.tf:1\)",
        'terraform { required_version = "~> 0.12" }\n' + GOOD,
        doing="initialising instances/staging",
    ),
    "no network": Case(
        r"provider 127\.0\.0\.1:1/lineside/x cannot be downloaded",
        'terraform {\n  required_providers {\n    x = { source = "127.0.0.1:1/lineside/x" }\n  }\n}',
        kind=UnavailableError,
        doing="initialising instances/staging",
    ),
    "a module that cannot be fetched": Case(
        r"cannot be downloaded",
        'module "m" { source = "git::http://127.0.0.1:1/m.git" }',
        kind=UnavailableError,
        doing="initialising instances/staging",
    ),
    "a provider that crashes": Case("the provider example.com/lineside/crash crashed", PROVIDER, log="plugin crashed"),
    "output that is not JSON": Case(
        r"what terraform \S+ printed is not a plan's JSON \(9 bytes",
        around='case "$1 $2" in "show -json") echo nonsense;; *) exec "$T" "$@";; esac',
    ),
    "JSON that is cut short": Case(
        "is not a plan's JSON",
        around='case "$1 $2" in "show -json") "$T" "$@" | head -c 300;; *) exec "$T" "$@";; esac',
    ),
    "a plan that is not written": Case(
        "terraform saved no plan", around='case "$1" in plan) exit 2;; *) exec "$T" "$@";; esac'
    ),
    "a full disk": Case(
        "the plan was not written whole",
        PATHS,
        around="""case "$1" in plan) trap '' XFSZ; ulimit -f 1;; esac; exec "$T" "$@" """,
    ),
    "a killed terraform": Case(
        r"terraform was killed \(SIGKILL\)", around='case "$1" in plan) kill -9 $$;; *) exec "$T" "$@";; esac'
    ),
    "a terraform that says nothing": Case(
        "terraform ended with an error", around='case "$1" in plan) exit 1;; *) exec "$T" "$@";; esac'
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_fault_is_told_and_leaves_nothing(workspace: Workspace, tmp_path: Path, case: Case) -> None:
    shell = ("-c", f"T={workspace.program.path}; {case.around}", "sh")
    odd = Program("/bin/sh", "terraform", workspace.program.version, shell)
    env = {**workspace.env, **crashing_provider(tmp_path)}
    mirror = (tmp_path / "mirror", tmp_path / "terraformrc")
    space = replace(workspace, program=odd, env=env, isolation=replace(workspace.isolation, readable=mirror))
    if case.code:
        write(space, case.code)
    else:
        space.directory.rmdir()
    with pytest.raises(RunnerError, match=case.says) as caught:
        await planned(space)
    assert caught.type is case.kind
    assert caught.value.doing == case.doing
    assert case.log in caught.value.log_tail
    assert await none_runs(space)
    remaining = {item.name for item in space.scratch.iterdir()} if space.scratch.exists() else set()
    assert remaining <= {"home", "data"}
    assert not [path for path in space.home.rglob("*") if path != space.home / "tmp"]
    await nothing_stands_in_the_way(workspace, tmp_path)


async def nothing_stands_in_the_way(workspace: Workspace, tmp_path: Path) -> None:
    """The next plan of the same directory works: no lock is left."""
    workspace.directory.mkdir(exist_ok=True)
    workspace.lock_file.unlink(missing_ok=True)  # in the directory of the operation's own copy of the code
    write(workspace, GOOD)
    assert (await planned(replace(workspace, scratch=tmp_path / "next"))).summary.changes


def crashing_provider(directory: Path) -> dict[str, str]:
    """A mirror with a provider that panics as soon as it is asked anything; it ends once Terraform has read that."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    place = directory / f"mirror/example.com/lineside/crash/1.0.0/{platform.system().lower()}_{machine}"
    place.mkdir(parents=True)
    program = place / "terraform-provider-crash_v1.0.0"
    program.write_text("#!/bin/sh\necho 'panic: runtime error: index out of range' >&2\nsleep 0.5\nexit 2\n")
    program.chmod(0o755)
    settings = directory / "terraformrc"
    settings.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{directory}/mirror"\n'
        '    include = ["example.com/*/*"]\n  }\n  direct {\n    exclude = ["example.com/*/*"]\n  }\n}\n'
    )
    return {"TF_CLI_CONFIG_FILE": str(settings)}


async def test_a_plan_file_that_was_changed_on_disk_is_not_applied(workspace: Workspace) -> None:
    write(workspace, GOOD)
    plan = await planned(workspace)
    content = (workspace.scratch / PLAN_FILE).read_bytes()
    for changed in (content[:-1], content + b"x", content[:100] + b"\0" + content[101:], b""):
        (workspace.scratch / PLAN_FILE).write_bytes(changed)
        with pytest.raises(StalePlanError, match="not the one that was approved") as caught:
            await terraform.apply(
                workspace, workspace.scratch / PLAN_FILE, plan.summary.digest, on_progress=ProgressLog(), timeout=LONG
            )
        assert "Nothing was applied" in caught.value.remedy
    assert not (workspace.scratch / "apply").exists()
    assert not list(workspace.scratch.glob("approved-*"))
    assert await terraform.addresses_in_state(workspace, timeout=LONG) == ()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk, this process cannot make any file larger (the kernel answers EFBIG instead of ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_nothing_is_applied_when_the_disk_is_full(workspace: Workspace) -> None:
    write(workspace, GOOD)
    plan = await planned(workspace)
    with files_of_at_most(100), pytest.raises(RunnerError, match="the disk is full") as caught:
        await terraform.apply(
            workspace, workspace.scratch / PLAN_FILE, plan.summary.digest, on_progress=ProgressLog(), timeout=LONG
        )
    assert caught.value.doing == "applying the plan of instances/staging"
    assert caught.value.remedy
    assert not list(workspace.scratch.glob("approved-*"))
    assert not (workspace.scratch / "apply").exists()


async def test_a_file_that_cannot_be_written_is_told(workspace: Workspace) -> None:
    write(workspace, GOOD)
    await terraform.init(workspace, timeout=LONG)
    (workspace.scratch / "plan.log").symlink_to(workspace.directory / "elsewhere")
    with pytest.raises(RunnerError, match="files cannot be read or written") as caught:
        await terraform.plan(workspace, variables={}, timeout=LONG)
    assert caught.value.doing == "planning instances/staging"
    assert not (workspace.directory / "elsewhere").exists()
