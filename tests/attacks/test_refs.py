"""A branch that anybody may push: nothing of it runs before somebody else than the requester has approved its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.github.commits import Author
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import answered, clicks, gets_notice, infrastructure, operations_in, rejects, shows, types
from tests.scenarios.moments import killed_at_row, stops_at_row

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.github.commits import Commit
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

# What a team has that configures nothing: only the configured ref is allowed; the requester may approve by themselves.
SHARED: dict[str, Any] = {
    "speed": 200.0,
    "config": {
        '    refs: {allow: ["**"]}\n': "",
        '  refs: {allow: ["build-*"]}\n': "",
        "requester_may_approve: false, expires_after: 1h": "requester_may_approve: true, expires_after: 1h",
    },
}
MALLORY = Author("Mallory", "mallory@lineside.example", "mallory")
PLAYBOOK = """- hosts: backend
  gather_facts: false
  tasks:
    - name: Take what there is
      ansible.builtin.copy: {{content: "{{{{ database_url }}}}", dest: "{marker}", mode: "0600"}}
      check_mode: false
      delegate_to: localhost
"""
DISPATCHABLE = (
    "name: Build images\non: {workflow_dispatch: {}}\njobs: {take: {runs-on: ubuntu-latest, steps: [{run: env}]}}\n"
)


def malicious(world: World, branch: str) -> tuple[Commit, Path]:
    """A branch whose playbook, workflow and Terraform code do harm; the file that its playbook would write."""
    repository, marker = infrastructure(world), world.machines_of("staging") / f"taken-by-{branch}"
    repository.graph.branch(branch, "main")
    files = {
        "provisioners/deploy-backend.yml": PLAYBOOK.format(marker=marker),
        "instances/staging/take.tf": 'resource "terraform_data" "take" {\n  provisioner "local-exec" { command = "env" }\n}\n',
        ".github/workflows/build-images.yml": DISPATCHABLE,
        "notes.txt": "harmless",
    }
    return repository.commit(branch, files, "Fix a typo", MALLORY), marker


def ran(world: World, commit: Commit, marker: Path) -> list[str]:
    """What of the commit was fetched or started: its archive, runs on GitHub, what its playbook writes."""
    archives = [request.path for request in world.github.requests if f"tarball/{commit.sha}" in request.path]
    runs = [str(run.run_id) for run in infrastructure(world).runs.values() if run.commit.sha == commit.sha]
    return [*archives, *runs, *([str(marker)] if marker.exists() else [])]


def newest(world: World) -> str:
    return f"#{len(operations_in(world))} "


async def typed(world: World, channel: str, command: str, *pieces: str) -> Message:
    """Ana's command, once its message shows these pieces."""
    number = len(operations_in(world)) + 1
    await types(world, "ana", channel, command)
    return await shows(world, channel, f"#{number} ", *pieces)


async def asked(world: World, channel: str, command: str) -> Message:
    """Ana's command, once its message waits for somebody."""
    return await typed(world, channel, command, "Waiting for approval")


WAYS = {
    "check": ("#staging", "/deploy staging backend {} check"),
    "plan": ("#staging", "/plan staging -ref={}"),
    "deploy-ansible": ("#staging", "/deploy staging backend {}"),
    "deploy-actions": ("#dev", "/deploy dev {}"),
    "build": ("#ops", "/build {}"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_of_a_branch_runs_before_somebody_else_approves(shared_world: World, way: str) -> None:
    branch = f"typo-{way}"
    commit, marker = malicious(shared_world, branch)
    channel, command = WAYS[way]
    message = await asked(shared_world, channel, command.format(branch))
    for piece in (branch, commit.short, "mallory", "1 commit ahead", "4 files changed", "compare", "credentials of"):
        assert piece in message.rendered
    for deciding in (
        "provisioners/deploy-backend.yml",
        "instances/staging/take.tf",
        ".github/workflows/build-images.yml",
    ):
        assert deciding in message.rendered
    assert "notes.txt" not in message.rendered
    assert ran(shared_world, commit, marker) == []
    assert "Somebody else has to approve" in await answered(shared_world, "ana", message, "approve")
    assert ran(shared_world, commit, marker) == []
    await rejects(shared_world, "lee", message)
    await shows(shared_world, channel, newest(shared_world), "rejected")
    assert ran(shared_world, commit, marker) == []


@pytest.mark.slow("Ansible runs")
async def test_an_approved_check_runs_exactly_that_commit(shared_world: World) -> None:
    commit, marker = malicious(shared_world, "approved-check")
    message = await asked(shared_world, "#staging", "/deploy staging backend approved-check check")
    await clicks(shared_world, "lee", message, "approve")
    await shows(shared_world, "#staging", newest(shared_world), "checked")
    assert marker.exists()
    assert [entry for entry in ran(shared_world, commit, marker) if "tarball" in entry]


async def test_an_approved_plan_is_shown_and_not_applied(shared_world: World) -> None:
    malicious(shared_world, "approved-plan")
    message = await asked(shared_world, "#staging", "/plan staging -ref=approved-plan")
    await clicks(shared_world, "lee", message, "approve")
    planned = await shows(shared_world, "#staging", newest(shared_world), "Only planned", "terraform_data.take")
    assert "This plan is not of" in planned.rendered
    assert not planned.buttons


@pytest.mark.parametrize("way", WAYS)
async def test_a_branch_that_moves_after_the_question_does_not_run(shared_world: World, way: str) -> None:
    branch = f"moves-{way}"
    first, marker = malicious(shared_world, branch)
    channel, command = WAYS[way]
    message = await asked(shared_world, channel, command.format(branch))
    second = infrastructure(shared_world).commit(branch, {"more.sh": "env"}, "And this", MALLORY)
    await clicks(shared_world, "lee", message, "approve")
    await shows(shared_world, channel, newest(shared_world), "has moved", second.short)
    assert ran(shared_world, first, marker) + ran(shared_world, second, marker) == []


@pytest.mark.parametrize(
    "ref", ["refs/pull/1/head", "pull/1/head", "refs/remotes/origin/main", "heads/main", "refs/stash"]
)
async def test_only_branches_and_tags_are_refs(shared_world: World, ref: str) -> None:
    repository = infrastructure(shared_world)
    if not repository.pulls.by_number:
        commit, _ = malicious(shared_world, "has-a-pull")
        repository.pulls.open("has-a-pull", "main", title="Fix a typo", user="mallory")
        assert repository.graph.resolve("refs/pull/1/head").sha == commit.sha
    before = len(shared_world.github.requests)
    await types(shared_world, "ana", "#staging", f"/deploy staging backend {ref} check")
    answer = await gets_notice(shared_world.person("ana"), ref)
    assert "Nothing was started" in answer.rendered
    assert not [each for each in operations_in(shared_world) if ref in each[1]]
    assert not [request for request in list(shared_world.github.requests)[before:] if "tarball" in request.path]


@pytest.mark.parametrize("digits", [40, 12])
async def test_a_commit_that_only_a_fork_has_cannot_be_approved(shared_world: World, digits: int) -> None:
    marker = shared_world.machines_of("staging") / f"forked-{digits}"
    files = {"provisioners/deploy-backend.yml": PLAYBOOK.format(marker=marker)}
    commit = infrastructure(shared_world).graph.fork_commit("main", files, f"Fix {digits}", MALLORY)
    message = await typed(
        shared_world,
        "#staging",
        f"/deploy staging backend {commit.sha[:digits]} check",
        "none of its code ran",
        "may be a fork's",
    )
    assert not message.buttons
    assert ran(shared_world, commit, marker) == []


async def test_a_branch_with_the_name_of_a_commit_is_never_taken_for_it(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    good = repository.graph.resolve("main")
    evil, marker = malicious(shared_world, "looks-like-main")
    repository.graph.branch(good.short, evil.sha)
    await types(shared_world, "ana", "#staging", f"/deploy staging backend {good.short} check")
    await gets_notice(shared_world.person("ana"), "its meaning is ambiguous")
    assert ran(shared_world, evil, marker) == []
    del repository.graph.branches[good.short]
    # GitHub takes no branch of 40 hexadecimal digits; if it did, the commit would be meant.
    repository.graph.branch(good.sha, evil.sha)
    await types(shared_world, "ana", "#staging", f"/deploy staging backend {good.sha} check")
    await gets_notice(shared_world.person("ana"), "is not the SHA of a commit")
    del repository.graph.branches[good.sha]
    assert ran(shared_world, evil, marker) == []


async def test_a_tag_with_the_name_of_the_configured_branch_stops_everything(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    evil, marker = malicious(shared_world, "tagged")
    repository.graph.tag("main", evil.sha)
    try:
        await types(shared_world, "ana", "#staging", "/plan staging")
        answer = await gets_notice(shared_world.person("ana"), "a branch and a tag")
        assert "refs/heads/main" in answer.rendered
        assert ran(shared_world, evil, marker) == []
    finally:
        del repository.graph.tags["main"]


async def test_a_name_that_only_looks_like_the_configured_one_is_spelled_out(shared_world: World) -> None:
    cyrillic = "m\u0430in"
    evil, marker = malicious(shared_world, cyrillic)
    message = await asked(shared_world, "#staging", f"/deploy staging backend {cyrillic} check")
    assert "U+0430" in message.rendered
    await rejects(shared_world, "lee", message)
    await shows(shared_world, "#staging", newest(shared_world), "rejected")
    assert ran(shared_world, evil, marker) == []


@pytest.mark.slow("Ansible runs for each ref")
async def test_what_the_configured_ref_contains_needs_no_approval_of_its_own(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    older = repository.graph.history(repository.graph.resolve("main").sha)[1]
    repository.graph.tag("v1", older.sha, "The first")
    for ref in (older.sha, older.short, "v1", "refs/tags/v1", "last-applied"):
        await typed(shared_world, "#staging", f"/deploy staging backend {ref} check", "checked")


@pytest.mark.slow("Ansible runs, and the bot starts twice")
@pytest.mark.parametrize("moment", ["while it waits", "after the approval"])
async def test_a_kill_around_the_approval_loses_and_repeats_nothing(start_world: StartWorld, moment: str) -> None:
    world = await start_world(**SHARED)
    commit, marker = malicious(world, "killed")
    message = await asked(world, "#staging", "/deploy staging backend killed check")
    if moment == "while it waits":
        await world.bot.kill()
        await world.bot.start()
        await clicks(world, "lee", message, "approve")
    else:
        stops_at_row(world, "operation_outputs", "NEW.function_name = 'ref again'")
        await clicks(world, "lee", message, "approve")
        await killed_at_row(world)
        assert ran(world, commit, marker) == []
        await world.bot.start()
    await shows(world, "#staging", "#1 ", "checked")
    assert [status for _, _, status in operations_in(world)] == ["succeeded"]
    assert len([posted for posted in world.channel("#staging").messages if "#1 " in posted.rendered]) == 1
    assert len([entry for entry in ran(world, commit, marker) if "tarball" in entry]) == 1
    assert marker.exists()


async def test_no_run_of_the_bot_was_started_for_a_refused_ref(shared_world: World) -> None:
    assert not [run for run in infrastructure(shared_world).runs.values() if run.actor == BOT_LOGIN]
