"""A release held against its checks; deployed anyway for a reason; recorded on GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github import GitHubError
from tests.scenarios import moments
from tests.scenarios.acting import answered, clicks, infrastructure, operations_in, rejects, shows, thread_of, types
from tests.scenarios.moments import dies_at_github
from tests.scenarios.test_deploy import new_branch
from tests.scenarios.test_github_faults import Fault

if TYPE_CHECKING:
    from sandbox.github.records import Deployment
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld
    from tests.scenarios.moments import Phase

# Somebody else approves, so that time passes between the question and the start.
SHARED = {
    "speed": 200.0,
    "config": {"approval: {required: 0}": "approval: {required: 1, requester_may_approve: false}"},
}


async def asked(world: World, ref: str, *pieces: str) -> Message:
    """Ana deploys this branch to dev; its newest operation's message once it shows the pieces."""
    number = f"#{len(operations_in(world)) + 1} "
    await types(world, "ana", "#dev", f"/deploy dev {ref}")
    return await shows(world, "#dev", number, f"Deploy {ref} to dev", *pieces)


async def deployed(world: World, ref: str) -> Message:
    """The branch is deployed to dev; the message at the end."""
    message = await asked(world, ref, "Waiting for approval")
    number = message.rendered.split("*")[1].split(" ")[0]
    await clicks(world, "lee", message, "approve")
    return await shows(world, "#dev", f"{number} ", ":white_check_mark:", "deployed")


def deployments_of(world: World) -> list[Deployment]:
    return list(infrastructure(world).deployments.by_id.values())


async def test_the_commits_that_go_out_are_listed_and_those_that_are_taken_back(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    new_branch(shared_world, "older", {"a": "1"})
    await deployed(shared_world, "older")
    repository.graph.branch("newer", "older")
    for number in range(7):
        repository.commit("newer", {"b": str(number)}, f"Change {number} <!channel> & more")
    message = await asked(shared_world, "newer", "7 new commits", "and 2 more", "Change 6 <!channel> & more")
    assert "Change 0 <!channel> & more" in thread_of(shared_world, message)
    await clicks(shared_world, "lee", message, "approve")
    await shows(shared_world, "#dev", "Deploy newer to dev", ":white_check_mark:", "In between:", "7 commits")

    message = await asked(shared_world, "older", "This takes 7 commits back that run now")
    await rejects(shared_world, "lee", message)
    await shows(shared_world, "#dev", "Deploy older to dev", "rejected")
    message = await asked(shared_world, "newer", "the same commit")
    await rejects(shared_world, "lee", message)
    await shows(shared_world, "#dev", "Deploy newer to dev", "rejected", "the same commit")


async def test_what_is_not_green_is_refused_and_tried_again(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    new_branch(shared_world, "checked", {"a": "checked"})
    repository.protect("checked", required=["lint", "e2e"])
    repository.checks.check("checked", "lint", "failure")
    runs = len(repository.runs)
    refused = await asked(shared_world, "checked", ":x:", "has 1 check that failed", "1 of 2 required failed: lint")
    assert refused.buttons == ["Try again", "Deploy anyway…"]

    repository.checks.check("checked", "lint")
    number = len(operations_in(shared_world)) + 1
    old = refused.snapshot()
    await clicks(shared_world, "ana", old, "Try again")
    later = await shows(shared_world, "#dev", f"*#{number} ", "e2e (not reported)")
    assert "begun anew from this message already" in await answered(shared_world, "ana", old, "Try again")
    assert f"tried again: #{number} Deploy checked to dev" in refused.rendered
    assert not refused.buttons

    e2e = repository.checks.check("checked", "e2e", None)
    number = len(operations_in(shared_world)) + 1
    await clicks(shared_world, "ana", later, "Try again")
    later = await shows(shared_world, "#dev", f"*#{number} ", "1 of 2 required not ended yet: e2e")
    e2e.complete("success")
    await clicks(shared_world, "ana", later, "Try again")
    ask = await shows(shared_world, "#dev", f"*#{number + 1} ", "all 2 required are green", "Waiting for approval")
    assert len(repository.runs) == runs
    repository.checks.check("checked", "e2e", "failure")
    await clicks(shared_world, "lee", ask, "approve")
    missing = await shows(
        shared_world, "#dev", f"#{number + 1} ", ":x:", "1 of 2 required failed: e2e", "approved by @lee"
    )
    assert missing.buttons == ["Try again", "Deploy anyway…"]
    assert len(repository.runs) == runs


async def test_a_reason_lets_exactly_that_commit_out_and_is_kept(shared_world: World) -> None:
    repository, lee = infrastructure(shared_world), shared_world.person("lee")
    new_branch(shared_world, "urgent", {"a": "urgent"})
    repository.checks.check("urgent", "lint", "failure")
    refused = await asked(shared_world, "urgent", ":x:", "1 of 1 failed: lint")
    assert "wants somebody else to approve it" in await answered(shared_world, "ana", refused, "Deploy anyway…")

    old = refused.snapshot()
    await clicks(shared_world, "lee", old, "Deploy anyway…")
    view = await lee.wait_for_view()
    number = len(operations_in(shared_world)) + 1
    sent = await lee.submit(view, {"Why does it go to dev all the same?": "Stops the <!channel> outage"})
    assert sent.closed
    ask = await shows(shared_world, "#dev", f"#{number} ", "Asked for despite its checks", "Waiting for approval")
    assert "by @lee: Stops the <!channel> outage" in ask.rendered
    await clicks(shared_world, "max", ask, "approve")
    done = await shows(shared_world, "#dev", f"#{number} ", ":white_check_mark:", "deployed")
    assert "Stops the <!channel> outage" in done.rendered
    stored = moments.rows(shared_world, "SELECT detail FROM signalbox_audit WHERE action = 'checks passed over'")
    assert "Stops the <!channel> outage" in str(stored)

    sha = repository.commit("urgent", {"a": "newer"}, "Come later").sha
    repository.checks.check("urgent", "lint", "failure")
    assert f"deployed anyway: #{number} Deploy urgent to dev  requested by @lee" in refused.rendered
    assert not refused.buttons
    report = await answered(shared_world, "max", old, "Deploy anyway…")
    assert f"begun anew from this message already: it is #{number}." in report
    await asked(shared_world, "urgent", ":x:", sha[:7], "1 of 1 failed: lint")


async def test_a_deploy_is_recorded_on_github(shared_world: World) -> None:
    new_branch(shared_world, "recorded", {"a": "recorded"})
    done = await deployed(shared_world, "recorded")
    made = deployments_of(shared_world)[-1]
    assert (made.environment, made.sha) == ("dev", infrastructure(shared_world).graph.branches["recorded"])
    await moments.until(lambda: made.state == "success")
    assert [status.state for status in made.statuses] == ["in_progress", "success"]
    run = max(infrastructure(shared_world).runs)
    assert all(status.log_url.endswith(f"/actions/runs/{run}") for status in made.statuses)
    assert "no record" not in done.rendered


async def test_a_run_that_fails_is_recorded_as_a_failure(shared_world: World) -> None:
    new_branch(shared_world, "fails", {"a": "fails"})
    infrastructure(shared_world).fail_next("deploy-dev.yml", job="cron", step="Run playbook", log=["fatal: no"])
    message = await asked(shared_world, "fails", "Waiting for approval")
    await clicks(shared_world, "lee", message, "approve")
    await shows(shared_world, "#dev", "Deploy fails to dev", ":x:", "the run failed: deploy (cron)")
    made = deployments_of(shared_world)[-1]
    await moments.until(lambda: made.state == "failure")
    # The jobs of a deploy are checks of its commit on GitHub; they do not forbid the next one.
    await deployed(shared_world, "fails")


@pytest.mark.parametrize("status", [403, 502])
async def test_what_cannot_be_recorded_goes_out_all_the_same(shared_world: World, status: int) -> None:
    new_branch(shared_world, f"unrecorded-{status}", {"a": str(status)})
    refuse = Fault(("POST", "/deployments"), "before", lambda: GitHubError(status, "Resource not accessible"), 9)
    shared_world.github.on_request.append(refuse)
    before = len(deployments_of(shared_world))
    done = await deployed(shared_world, f"unrecorded-{status}")
    shared_world.github.on_request.clear()
    assert "GitHub has no record of this deploy" in done.rendered
    assert "Deployments: read and write" in done.rendered
    assert len(deployments_of(shared_world)) == before


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_kill_at_recording_records_it_once(start_world: StartWorld, phase: Phase) -> None:
    world = await start_world(speed=60.0)
    created = dies_at_github(world, "POST", "/deployments", phase)
    await types(world, "ana", "#dev", "/deploy dev")
    await created.wait()
    text = dies_at_github(world, "POST", "/statuses", phase)
    await world.bot.start()
    await text.wait()
    await world.bot.start()
    await shows(world, "#dev", "#1 ", ":white_check_mark:", "deployed")
    (made,) = deployments_of(world)
    await moments.until(lambda: made.state == "success")
    assert [status.state for status in made.statuses] == ["in_progress", "success"]
    assert len(infrastructure(world).runs) == 1
