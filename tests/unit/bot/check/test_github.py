"""`check` reports missing workflows, inputs and permissions on GitHub, each with a remedy."""

from __future__ import annotations

import pytest

from bot.check.github import configured_repositories
from bot.check.permissions import check_permissions, needs
from bot.check.result import Findings
from bot.config import read
from tests.unit.bot.check.world import CONFIG, WITH_ANSIBLE, WORKFLOW, World, single


async def test_a_workflow_that_is_not_there_is_named(world: World) -> None:
    world.hub.files = {}
    assert "there is no workflow deploy-dev.yml in acme/infrastructure" in single(await world.faults())


async def test_a_workflow_that_is_disabled_is_named(world: World) -> None:
    world.hub.state = "disabled_manually"
    assert "deploy-dev.yml is disabled_manually. Enable it" in single(await world.faults())


async def test_a_workflow_must_have_workflow_dispatch(world: World) -> None:
    world.hub.files = {"deploy-dev.yml": "on: push\n"}
    assert "cannot be started by the bot. Add `workflow_dispatch:`" in single(await world.faults())


async def test_a_workflow_must_have_the_inputs_that_it_is_given(world: World) -> None:
    world.hub.files = {"deploy-dev.yml": "on: {workflow_dispatch: {inputs: {mark: {}}}}\n"}
    assert "deploy-dev.yml has no input verbose" in single(await world.faults())


async def test_a_workflow_must_be_on_the_ref(world: World) -> None:
    world.config = read(CONFIG.replace("deploy-dev.yml,", "deploy-dev.yml, ref: release,"))
    assert "there is no deploy-dev.yml on release. Check `ref`" in single(await world.faults())


async def test_a_repository_of_a_service_that_is_not_there_is_named_and_the_others_are_checked(world: World) -> None:
    service = "deploy: {services: {api: {repository: acme/api, github_actions: {workflow: deploy-dev.yml}}}}"
    world.config = read(CONFIG + f"  prod:\n    {service}\n")
    world.hub.files = {}
    faults = await world.faults()
    for words in ("reading acme/api: GitHub has nothing there", "no workflow deploy-dev.yml in acme/infrastructure"):
        assert any(words in fault for fault in faults), faults


async def test_a_token_of_a_person_who_only_reads_cannot_deploy(world: World) -> None:
    world.hub.permissions = {"pull": True, "push": False}
    assert "the token's account can read acme/infrastructure but not write to it" in single(await world.faults())


async def test_an_archived_repository_is_said(world: World) -> None:
    world.hub.archived = True
    assert "acme/infrastructure is archived" in single(await world.faults())


@pytest.mark.parametrize(
    ("scopes", "private", "words"),
    [
        ("repo", True, ""),
        ("public_repo, read:org", False, ""),
        ("public_repo", True, "lacks the scope repo for acme/infrastructure (it has public_repo). Create a token"),
        ("", False, "lacks the scope repo for acme/infrastructure (it has none)"),
    ],
)
async def test_a_classic_token_needs_its_scope(world: World, scopes: str, private: bool, words: str) -> None:
    world.hub.scopes, world.hub.private = scopes, private
    faults = await world.faults()
    assert words in single(faults) if words else not faults


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/actions/runs", "Actions: read and write on acme/infrastructure, needed to start, rerun"),
        ("/deployments", "Deployments: read and write on acme/infrastructure, needed to record deploys"),
        ("/check-runs", "Checks: read on acme/infrastructure, needed to read its checks"),
        ("/status", "Commit statuses: read on acme/infrastructure"),
    ],
)
async def test_of_a_fine_grained_token_reading_is_tried(world: World, path: str, permission: str) -> None:
    world.hub.scopes = None
    assert "write permissions of this kind of token cannot be checked" in (await world.lines())[1]
    world.hub.hidden = {path}
    fault = single(await world.faults())
    assert f"the token lacks the permission {permission}" in fault
    assert "Create a token that has it" in fault


async def test_promoting_needs_more_in_its_repositories(world: World) -> None:
    promote = "    promote: {from: dev, to: staging, repositories: [acme/application]}\n"
    world.config = read(CONFIG + promote)
    world.hub.scopes, world.hub.hidden = None, {"/repos/acme/application/pulls", "/repos/acme/application/commits"}
    faults = await world.faults()
    assert len(faults) == 4
    assert "Contents: read and write on acme/application, needed to merge into staging" in faults[0]
    assert "Pull requests: read and write on acme/application" in faults[1]
    world.hub.hidden = {"/repos/acme/application"}
    assert "forbids" in single(await world.faults())


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"actions": "write", "contents": "read", "metadata": "read"}, ["Checks", "Commit statuses", "Deployments"]),
        (
            {"actions": "read", "contents": "read", "metadata": "read"},
            ["Actions", "Checks", "Commit statuses", "Deployments"],
        ),
        (
            dict.fromkeys(["actions", "contents", "metadata", "checks", "statuses", "deployments"], "write"),
            [],
        ),
    ],
)
async def test_of_an_app_every_permission_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], lacking: list[str]
) -> None:
    async def permissions(_repository: str) -> dict[str, str]:
        return given

    monkeypatch.setattr(world.github, "permissions", permissions)
    world.hub.scopes, world.hub.permissions = None, {}
    result = Findings("github")
    await check_permissions(world.config, world.github, configured_repositories(world.config), result)
    rendered = [what.removeprefix("the App lacks the permission ").partition(":")[0] for what, _ in result.problems]
    assert sorted(rendered) == lacking
    assert all("accept the change" in remedy for _, remedy in result.problems)


async def test_whether_webhooks_are_set_up_is_told(world: World) -> None:
    assert "runs are polled (GITHUB_WEBHOOK_SECRET is not set)" in (await world.lines())[1]
    world.environ["GITHUB_WEBHOOK_SECRET"] = "shh"
    assert "polled" not in (await world.lines())[1]


def test_what_is_not_configured_needs_no_permission() -> None:
    bare = CONFIG.replace("mark_input: mark}", "mark_input: mark, required_checks: false, record: false}")
    result = {(need.permission, need.access) for need in needs(read(bare))}
    assert result == {("metadata", "read"), ("contents", "read"), ("actions", "write")}
    by_ansible = CONFIG.partition("  dev:")[0] + WITH_ANSIBLE
    assert {(need.permission, need.access) for need in needs(read(by_ansible))} == {
        ("metadata", "read"),
        ("contents", "read"),
    }
    same = CONFIG + "    promote: {from: dev, to: staging, repositories: [acme/infrastructure]}\n"
    assert {(need.permission, need.access) for need in needs(read(same))} == {
        ("metadata", "read"),
        ("contents", "write"),
        ("actions", "write"),
        ("checks", "read"),
        ("statuses", "read"),
        ("deployments", "write"),
        ("pull_requests", "write"),
    }


async def test_a_token_that_github_refuses_says_what_to_set(world: World) -> None:
    world.hub.status = 401
    fault = single(await world.faults())
    assert fault.startswith("FAIL  github")
    assert "does not accept our credentials" in fault
    assert "Check that the token" in fault


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("run-name: Deploy ${{ inputs.mark }}\n", "", "GitHub does not show the mark"),
        ("inputs.mark }}", "inputs.verbose }}", "Add `run-name: Deploy ${{ inputs.mark }}`"),
        ("mark: {}", "mark: {}\n      where: {required: true}", "requires the input where, which has no default"),
        ("mark: {}", "mark: {}\n      where: {required: true, default: x}", ""),
        ("mark: {}", "other: {}", "has no input mark"),
        ("on:\n", "on: [", "the file is no workflow"),
    ],
)
async def test_the_mark_has_to_be_shown_and_no_input_may_be_missing(
    world: World, before: str, after: str, words: str
) -> None:
    world.hub.files["deploy-dev.yml"] = WORKFLOW.replace(before, after)
    faults = await world.faults()
    assert words in single(faults) if words else not faults


async def test_a_wrong_name_of_an_input_or_choice_comes_with_the_nearest(world: World) -> None:
    inputs = "verbos: {}, mark: {}, level: {type: choice, options: [low, high]}"
    world.hub.files = {"deploy-dev.yml": f"on: {{workflow_dispatch: {{inputs: {{{inputs}}}}}}}\n"}
    assert "has no input verbose. It has the inputs verbos, " in single(await world.faults())
    world.hub.files = {"deploy-dev.yml": WORKFLOW + "      level: {type: choice, options: [low, high]}\n"}
    world.config = read(CONFIG.replace('verbose: "yes"', 'level: "hi"'))
    fault = single(await world.faults())
    assert "inputs.level: deploy-dev.yml on main does not take 'hi'. It takes high, low." in fault


async def test_inputs_that_may_be_given_are_compared_with_the_file(world: World) -> None:
    world.config = read(CONFIG.replace("deploy-dev.yml,", "deploy-dev.yml, command_inputs: {version: , size: [s, m]},"))
    inputs = "mark: {}, verbose: {}, size: {type: choice, options: [s, l]}"
    run_name = "run-name: ${{ inputs.mark }}\n"
    world.hub.files = {"deploy-dev.yml": f"{run_name}on: {{workflow_dispatch: {{inputs: {{{inputs}}}}}}}\n"}
    faults = "\n".join(await world.faults())
    assert "deploy-dev.yml has no input version" in faults
    assert "command_inputs.size: deploy-dev.yml on main does not take 'm'" in faults
    world.hub.files = {
        "deploy-dev.yml": f"{run_name}on: {{workflow_dispatch: {{inputs: {{{inputs.replace('l]', 'm]')}, version: {{required: true}}}}}}}}\n"
    }
    assert not await world.faults()


async def test_the_workflows_of_custom_operations_are_read(world: World) -> None:
    own = "{isolation: none, restart: {workflow: restart.yml, environment: dev, inputs: {service: , size: [m]}}}"
    world.config = read(CONFIG.replace("{isolation: none}", own))
    assert "operations.restart: there is no workflow restart.yml" in single(await world.faults())
    world.hub.files |= {
        "restart.yml": "on: {workflow_dispatch: {inputs: {size: {options: [s]}, other: {required: true}}}}"
    }
    faults = "\n".join(await world.faults())
    assert "operations.restart: restart.yml has no input service" in faults
    assert "operations.restart.inputs.size: restart.yml on main does not take 'm'" in faults
    assert "requires the input other" in faults
    assert "Set it under operations.restart.fixed_inputs, allow it under inputs" in faults
