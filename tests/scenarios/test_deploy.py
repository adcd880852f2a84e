"""/deploy: the modal, what is mistyped, what fails on GitHub and on a host, what may not go out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import clicks, gets_notice, infrastructure, operations_in, shows, thread_of, types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.world import World

DEPLOY_DEV = ".github/workflows/deploy-dev.yml"

# Its own branches, which prod would otherwise ask about by themselves.
SHARED = {"config": {"    after: dev\n": '    after: dev\n    refs: {allow: ["candidate"]}\n'}}


def new_branch(world: World, name: str, files: dict[str, str | None]) -> str:
    """A branch one commit ahead of main; the commit's id."""
    repository = infrastructure(world)
    repository.graph.branch(name, "main")
    return repository.commit(name, files, f"Change {name}").sha


async def test_the_modal_shows_faults_under_its_fields_and_starts_what_it_is_asked(shared_world: World) -> None:
    ana = shared_world.person("ana")
    await types(shared_world, "ana", "#ops", "/deploy")
    view = await ana.wait_for_view()
    empty = await ana.submit(view, {})
    assert list(empty.errors) == ["environment"]
    wrong = await ana.submit(view, {"Environment": "dev", "Branch, tag or commit": "../../etc"})
    assert list(wrong.errors) == ["ref"]
    assert "cannot be a branch" in wrong.errors["ref"]
    assert not operations_in(shared_world)
    right = await ana.submit(view, {"Branch, tag or commit": "main"})
    assert right.closed
    done = await shows(shared_world, "#dev", ":white_check_mark:", "Deploy main to dev", "deployed")
    assert "requested by @ana" in done.rendered
    assert len(operations_in(shared_world)) == 1


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("/deploy stagng", "There is no environment “stagng”; did you mean “staging”? Usage: /deploy <environment>"),
        ("/deploy moon", "There is no environment “moon”; there are dev, staging, prod. Usage: /deploy"),
        ("/deploy dev main now", "“main” and “now”: I can deploy one branch, tag or commit. Usage: /deploy"),
        ("/deploy dev a..b", "“a..b” cannot be a branch, tag or commit. Usage: /deploy"),
        ("/plan stagin", "did you mean “staging”?"),
        ("/infra halp", "I do not know “halp”; did you mean “help”? Usage: /infra"),
        ("/infra audit 99", "“99” is no number from 1 to 30"),
        ("/build bakend,cron", "“bakend” is no machine and no environment; did you mean “backend”?"),
    ],
)
async def test_what_is_mistyped_is_answered_to_the_person_alone(shared_world: World, text: str, answer: str) -> None:
    before = operations_in(shared_world)
    reply = await types(shared_world, "ana", "#ops", text)
    assert answer in reply.ephemerals[0].rendered
    assert operations_in(shared_world) == before
    assert not shared_world.channel("#ops").messages


async def test_a_failing_job_is_shown_with_its_step_and_the_end_of_its_log(shared_world: World) -> None:
    log = ["TASK [Switch over]", "fatal: [cron-1]: <!channel> disk & all is full"]
    infrastructure(shared_world).fail_next("deploy-dev.yml", job="cron", step="Run playbook", log=log)
    new_branch(shared_world, "fails", {"a": "b"})
    await types(shared_world, "ana", "#dev", "/deploy dev fails")
    failed = await shows(shared_world, "#dev", ":x:", "Deploy fails to dev", "the run failed: deploy (cron). ")
    rendered = thread_of(shared_world, failed)
    assert "deploy (cron) failed" in rendered
    assert "cancelled" not in rendered
    assert "at step Run playbook" in rendered.replace("`", "")
    assert log[1] in rendered
    assert set(failed.buttons) <= {"Roll back…"}


@contextmanager
def without_workflow(world: World) -> Iterator[None]:
    existing = infrastructure(world).workflows
    taken = existing.pop(DEPLOY_DEV)
    try:
        yield
    finally:
        existing[DEPLOY_DEV] = taken


@contextmanager
def with_disabled_workflow(world: World) -> Iterator[None]:
    workflow = infrastructure(world).workflows[DEPLOY_DEV]
    workflow.state = "disabled_manually"
    try:
        yield
    finally:
        workflow.state = "active"


@contextmanager
def without_trigger(world: World) -> Iterator[None]:
    text = infrastructure(world).graph.resolve("main").files[DEPLOY_DEV].decode()
    new_branch(world, "untriggered", {DEPLOY_DEV: text.replace("workflow_dispatch", "push")})
    yield


@pytest.mark.parametrize(
    ("fault", "ref", "answer"),
    [
        (without_workflow, "staging", "nothing was deployed. There is no workflow deploy-dev.yml"),
        (with_disabled_workflow, "staging", "disabled workflow"),
        (without_trigger, "untriggered", "has no workflow_dispatch trigger at untriggered"),
    ],
)
async def test_a_workflow_that_cannot_be_started_is_said(
    shared_world: World, fault: object, ref: str, answer: str
) -> None:
    runs = len(infrastructure(shared_world).runs)
    before = len(operations_in(shared_world))
    with fault(shared_world):  # type: ignore[operator]
        await types(shared_world, "ana", "#dev", f"/deploy dev {ref}")
        await shows(shared_world, "#dev", f"#{before + 1} ", ":x:", answer)
    assert len(infrastructure(shared_world).runs) == runs


@pytest.mark.parametrize(
    ("ref", "answer"),
    [
        ("no-such-branch", "no such branch, tag or commit"),
        ("0123abc", "GitHub starts workflows on a branch or tag only"),
    ],
)
async def test_what_github_cannot_deploy_is_refused(shared_world: World, ref: str, answer: str) -> None:
    before = operations_in(shared_world)
    await types(shared_world, "ana", "#dev", f"/deploy dev {ref}")
    await gets_notice(shared_world.person("ana"), answer)
    assert operations_in(shared_world) == before


async def test_prod_gets_only_what_dev_runs_and_only_the_commit_that_was_approved(shared_world: World) -> None:
    def prod_runs() -> int:
        return sum(run.workflow.filename == "deploy-prod.yml" for run in infrastructure(shared_world).runs.values())

    new_branch(shared_world, "candidate", {"a": "c"})
    await types(shared_world, "ana", "#prod", "/deploy prod candidate")
    await shows(shared_world, "#prod", ":x:", "prod only gets what dev runs", "/deploy dev candidate")
    await types(shared_world, "ana", "#dev", "/deploy dev candidate")
    await shows(shared_world, "#dev", ":white_check_mark:", "Deploy candidate to dev", "deployed")

    await types(shared_world, "ana", "#prod", "/deploy prod candidate")
    ask = await shows(shared_world, "#prod", "Deploy candidate to prod", "needs 2 approvals")
    infrastructure(shared_world).commit("candidate", {"a": "d"}, "Move on")
    await clicks(shared_world, "lee", ask, "approve")
    await shows(shared_world, "#prod", "needs 1 more approval")
    await clicks(shared_world, "max", ask, "approve")
    refused = await shows(shared_world, "#prod", ":x:", "candidate has moved on from")
    assert not refused.buttons
    assert prod_runs() == 0


async def test_a_guest_may_not_deploy(shared_world: World) -> None:
    before = operations_in(shared_world)
    await types(shared_world, "gus", "#dev", "/deploy dev")
    await gets_notice(shared_world.person("gus"), "You may not run Signalbox's commands here; anyone of @infra may.")
    await types(shared_world, "gus", "#dev", "/deploy")
    refused = await shared_world.person("gus").wait_for_view(predicate=lambda view: "You may not run" in str(view.body))
    assert "submit" not in refused.body
    await shared_world.person("gus").close(refused)
    assert operations_in(shared_world) == before


async def test_a_job_that_waits_for_reviewers_says_who_and_where(shared_world: World) -> None:
    hold = infrastructure(shared_world).wait_next(
        "deploy-dev.yml", job="cron", environment="development", reviewers=("max-weber",)
    )
    await types(shared_world, "ana", "#dev", "/deploy dev")
    waiting = await shows(shared_world, "#dev", "waiting for a review on GitHub", "needs a review by max-weber")
    assert "Review it on GitHub" in waiting.rendered
    hold.release()
    done = await shows(shared_world, "#dev", ":white_check_mark:", "Deploy main to dev", "deployed")
    assert "review" not in done.rendered


async def test_the_machines_whose_jobs_went_well_are_recorded(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    text = repository.graph.resolve("main").files[DEPLOY_DEV].decode()
    assert "strategy:" in text
    going_on = text.replace("strategy:", "strategy:\n      fail-fast: false", 1) if "fail-fast" not in text else text
    new_branch(shared_world, "partly", {DEPLOY_DEV: going_on})
    repository.fail_next("deploy-dev.yml", job="cron", log=["fatal: no"])
    await types(shared_world, "ana", "#dev", "/deploy dev partly")
    failed = await shows(shared_world, "#dev", ":x:", "Deploy partly to dev", "Not certain: cron")
    assert "backend" in failed.rendered
    await types(shared_world, "ana", "#dev", "/deploy dev")
    await shows(shared_world, "#dev", "Deploy main to dev", "not the same")


async def test_a_branch_with_any_name_that_git_takes_is_deployed(shared_world: World) -> None:
    for name, typed in (
        ("feature/#123-x", "feature/#123-x"),
        ("renovate/@types/node", "renovate/@types/node"),
        ("käse!", '"käse!"'),
    ):
        new_branch(shared_world, name, {f"{len(name)}.txt": "b"})
        await types(shared_world, "ana", "#dev", f"/deploy dev {typed}")
        await shows(shared_world, "#dev", ":white_check_mark:", f"Deploy {name} to dev", "deployed")


async def test_a_required_input_without_a_default_is_named_before_anything_starts(shared_world: World) -> None:
    text = infrastructure(shared_world).graph.resolve("main").files[DEPLOY_DEV].decode()
    asks = text.replace("workflow_dispatch:", "workflow_dispatch: {inputs: {colour: {required: true}}}", 1)
    assert asks != text
    new_branch(shared_world, "asks", {DEPLOY_DEV: asks})
    runs = len(infrastructure(shared_world).runs)
    await types(shared_world, "ana", "#dev", "/deploy dev asks")
    await shows(shared_world, "#dev", ":x:", "Deploy asks to dev", "requires the input colour, which has no default")
    assert len(infrastructure(shared_world).runs) == runs
