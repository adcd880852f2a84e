"""A deploy by Ansible: the board, a host that fails and is retried, Cancel."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import clicks, gets_notice, infrastructure, operations_in, rejects, shows, thread_of, types
from tests.scenarios.moments import processes_of, until
from tests.scenarios.staged import approved, playbook_waits

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

CRON = "provisioners/deploy-cron.yml"

pytestmark = pytest.mark.slow("deploys with Ansible, which takes seconds of processor time for each playbook")

# Its own branches, which staging would otherwise ask about, also for a check.
OWN_BRANCHES = {"    approval: {required: 1, req": '    refs: {allow: ["**"]}\n    approval: {required: 1, req'}
SHARED = {"config": OWN_BRANCHES}


def breaks_while(world: World, name: str) -> str:
    """Commit a playbook that fails on cron as long as the file is there; the file's path."""
    path = world.machines_of("staging") / name
    path.touch()
    playbook = infrastructure(world).graph.resolve("main").files[CRON].decode()
    task = f"\n    - name: Start the crontab\n      ansible.builtin.command: test ! -e {path}\n"
    repository = infrastructure(world)
    repository.graph.branch(name, "main")
    repository.commit(name, {CRON: playbook + task}, "Start the crontab")
    return str(path)


def files_in(world: World, message: Message) -> dict[str, str]:
    """The files in a message's thread, by name."""
    thread = world.channel("#staging").thread(message.ts)
    return {file.name: (file.content or b"").decode() for item in thread for file in item.files}


async def test_a_failing_host_stops_the_rest_and_is_retried_alone_and_once(shared_world: World) -> None:
    world = shared_world
    before = len(operations_in(world))
    broken = breaks_while(world, "broken")
    await types(world, "ana", "#staging", "/deploy staging broken")
    ask = await shows(world, "#staging", "Deploy broken to staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    failed = await shows(world, "#staging", ":x:", "Deploy broken to staging", "failed on staging-cron.")
    assert "Not deployed: taskrunner, sftp" in failed.rendered
    assert "Then run /deploy staging taskrunner,sftp broken" in failed.rendered.replace("`", "")
    assert "2 not deployed" in failed.rendered
    assert "*Done:* staging-backend (1 of 4)" in failed.rendered
    assert failed.buttons == ["Retry failed hosts"]
    text = thread_of(world, failed)
    assert "Start the crontab" in text
    assert "deploy-cron.yml:" in text
    assert "non-zero return code" in text
    logs = files_in(world, failed)
    assert "PLAY RECAP" in logs[f"deploy-{before + 1}-cron.txt"]
    assert "TASK [Write the configuration]" in logs[f"deploy-{before + 1}-backend.txt"]

    (world.machines_of("staging") / "broken").unlink()
    assert broken
    infrastructure(world).commit("broken", {"README.md": "newer"}, "Move on")
    for _ in range(2):
        await world.person("max").click(failed, "Retry failed hosts")
    ask = await shows(world, "#staging", f"#{before + 2} ", "to 1 failed host of staging", "Waiting for approval")
    report = await shows(world, "#staging", f"#{before + 1} ", f"retried: #{before + 2} Deploy", "requested by @max")
    assert not report.buttons, "the retry that was begun stands in the button's place"
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", f"#{before + 2} ", ":white_check_mark:", "to 1 host")
    assert "staging-backend" not in done.rendered
    assert len(operations_in(world)) == before + 2


async def test_a_playbook_that_ansible_refuses_ends_it_before_anybody_approves(shared_world: World) -> None:
    world = shared_world
    number, deployed = len(operations_in(world)) + 1, deployed_in(world)
    repository = infrastructure(world)
    repository.graph.branch("typo", "main")
    repository.commit("typo", {"provisioners/deploy-sftp.yml": "- hosts: sftp\n  tsks: []\n"}, "Mistype")
    await types(world, "ana", "#staging", "/deploy staging typo")
    failed = await shows(world, "#staging", f"#{number} ", ":x:", "nothing was deployed. ")
    assert "'tsks' is not a valid attribute for a Play (provisioners/deploy-sftp.yml:2:3)" in failed.rendered
    assert "Run /deploy staging typo" in failed.rendered.replace("`", "")
    assert "approved by" not in failed.rendered
    assert not failed.buttons
    assert deployed_in(world) == deployed


async def test_what_a_playbook_lacks_is_told_with_its_key_before_anybody_approves(shared_world: World) -> None:
    world = shared_world
    number = len(operations_in(world)) + 1
    repository = infrastructure(world)
    repository.graph.branch("lacks", "main")
    path = "provisioners/deploy-backend.yml"
    repository.commit("lacks", {path: "- hosts: web\n  tasks: [{ansible.builtin.debug: {}}]\n"}, "Name a group")
    await types(world, "ana", "#staging", "/deploy staging backend lacks")
    failed = await shows(world, "#staging", f"#{number} ", ":x:", "nothing was deployed. ")
    assert "deploy-backend.yml names `web`, which is not in the inventory of staging" in failed.rendered
    assert "The inventory has backend, staging, default, staging-backend." in failed.rendered
    assert "environments.staging.deploy.ansible.groups" in failed.rendered
    repository.commit("lacks", {path: "- hosts: default\n  tasks: [{made.up.thing: {}}]\n"}, "Use a collection")
    await types(world, "ana", "#staging", "/deploy staging backend lacks")
    failed = await shows(world, "#staging", f"#{number + 1} ", ":x:", "nothing was deployed. ")
    assert "Add `made.up` to deploy.ansible.collections" in failed.rendered


async def test_collections_that_cannot_be_had_end_it_with_the_commit(shared_world: World) -> None:
    world = shared_world
    number = len(operations_in(world)) + 1
    repository = infrastructure(world)
    repository.graph.branch("wants", "main")
    sha = repository.commit("wants", {"provisioners/requirements.yml": "- 1\n"}, "Want what is no collection").sha
    await types(world, "ana", "#staging", "/deploy staging wants")
    failed = await shows(world, "#staging", f"#{number} ", ":x:", "nothing was deployed. ")
    assert f"{sha[:7]} Want what is no collection" in failed.rendered
    assert "run /deploy staging wants." in failed.rendered.replace("`", "")


async def test_cancel_says_where_each_host_was_left(shared_world: World) -> None:
    world = shared_world
    number = len(operations_in(world)) + 1
    gate = playbook_waits(world, "cron")
    await approved(world, "/deploy staging", number)
    await gate.reached()
    running = await shows(world, "#staging", f"#{number} ", "Wait at the gate", "1/", "Cancel")
    assert "staging-sftp" in running.rendered, "hosts that wait have a row as well"
    await clicks(world, "gus", running, "Cancel")
    await gets_notice(world.person("gus"), "You may not decide for staging")
    await clicks(world, "lee", running, "Cancel")
    ended = await shows(world, "#staging", f"#{number} ", ":octagonal_sign:", "@lee cancelled it.")
    assert "Interrupted: staging-cron at Wait at the gate (task 1/" in ended.rendered.replace("`", "")
    assert "Not deployed: taskrunner, sftp" in ended.rendered
    assert "To continue, run /deploy staging cron,taskrunner,sftp" in ended.rendered.replace("`", "")
    assert not ended.buttons
    await until(lambda: not processes_of(world))
    gate.open()


def deployed_in(world: World) -> list[int]:
    """The operations that are on record as having deployed something."""
    with closing(sqlite3.connect(world.files / "var" / "signalbox.sqlite")) as connection:
        return [row[0] for row in connection.execute("SELECT operation FROM signalbox_deployments")]


async def test_a_check_touches_nothing_and_asks_nobody(shared_world: World) -> None:
    world = shared_world
    number, before = len(operations_in(world)) + 1, deployed_in(world)
    repository = infrastructure(world)
    repository.graph.branch("checked", "main")
    sha = repository.commit("checked", {"README.md": "checked"}, "Something to check").sha
    await types(world, "ana", "#staging", "/deploy staging backend,sftp checked check")
    done = await shows(world, "#staging", f"#{number} ", "Check checked against staging (backend, sftp)", "checked: ")
    assert "Ran in check mode: no task with `check_mode: false` ran" in done.rendered
    assert "Make the release directory" in done.rendered
    assert "staging-cron" not in done.rendered
    assert not done.buttons
    log = files_in(world, done)[f"deploy-{number}-backend.txt"]
    assert '"state": "directory"' in log, "the differences are in the file"
    assert not list((world.machines_of("staging") / "servers").glob(f"*/releases/{sha}"))
    assert deployed_in(world) == before


async def test_some_machine_types_are_deployed_alone(shared_world: World) -> None:
    world = shared_world
    number, before = len(operations_in(world)) + 1, deployed_in(world)
    await types(world, "ana", "#staging", "/deploy staging sftp,taskrunner")
    ask = await shows(world, "#staging", f"#{number} ", "Deploy main to staging (taskrunner, sftp)", "Waiting for")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", f"#{number} ", ":white_check_mark:", "to 2 hosts")
    assert "staging-backend" not in done.rendered
    assert deployed_in(world) == before, "the environment as a whole does not run it"
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", f"#{number + 1} ", "Waiting for approval")
    assert "Not all machines run the same" in ask.rendered
    assert "sftp: `" in ask.rendered
    await rejects(world, "lee", ask)


async def test_all_at_once_one_that_fails_does_not_hold_up_the_others(start_world: StartWorld) -> None:
    world = await start_world(
        config={"        connection: local\n": "        connection: local\n        at_once: true\n"}
    )
    breaks_while(world, "broken")
    await approved(world, "/deploy staging broken", 1)
    failed = await shows(world, "#staging", "#1 ", ":x:", "failed on staging-cron")
    assert "staging-backend, staging-taskrunner, staging-sftp (3 of 4)" in failed.rendered
    infrastructure(world).commit("broken", {"provisioners/deploy-sftp.yml": None}, "Forget sftp")
    await approved(world, "/deploy staging broken", 2)
    failed = await shows(world, "#staging", "#2 ", "nothing was deployed. There is no playbook deploy-sftp.yml")
    assert not failed.buttons
