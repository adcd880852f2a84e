"""An operation of the team's own: eight lines of configuration, with inputs, an approval, and the run to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, gets_notice, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "/run lists the team's own operations, asks for their inputs, and runs one once it is approved"
CHANNELS = ("#staging",)
WORKFLOW = "restart-service.yml"


async def play(world: World) -> None:
    """Act it out."""
    ana, repository = world.person("ana"), world.github.repository(INFRASTRUCTURE)
    await types(world, "ana", "#staging", "/run restart-servce service=queue-daemon")
    await gets_notice(ana, "There is no operation “restart-servce”; did you mean “restart-service”?")

    await types(world, "ana", "#staging", "/run")
    listed = await gets_notice(ana, "Restart a service of systemd on the machines of one type")
    await clicks(world, "ana", listed, "Run restart-service…")
    window = await ana.wait_for_view(predicate=lambda view: view.callback_id == "run")
    reply = await ana.submit(window, {"machine": "cron", "service": "Queue; reboot"})
    expect("does not have the form" in str(reply.errors), f"the window has {reply.errors}")
    reply = await ana.submit(window, {"service": "queue-daemon"})
    expect(reply.closed, f"the window has {reply.errors}")
    ask = await shows(world, "#staging", "Run restart-service with machine=cron, service=queue-daemon", "approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", "Run restart-service with machine=cron", "done in")
    (run,) = (run for run in repository.runs.values() if run.workflow.filename == WORKFLOW)
    expect(dict(run.inputs) == {"machine": "cron", "service": "queue-daemon"}, f"GitHub got {run.inputs}")

    await from_a_message(world)
    announce("the next one fails, and its log is in the thread")
    repository.fail_next(WORKFLOW, job="restart", step="Restart", log=["Could not find the requested service gone"])
    await types(world, "ana", "#staging", "/run restart-service service=gone")
    ask = await shows(world, "#staging", "Run restart-service with service=gone", "approval")
    await clicks(world, "lee", ask, "approve")
    failed = await shows(world, "#staging", ":x:", "Run restart-service with service=gone", "the run failed: restart")
    thread = world.channel("#staging").replies(failed.ts)
    expect(any("Could not find" in reply.rendered for reply in thread), "the thread lacks the log")
    await types(world, "ana", "#ops", "/infra status")
    status = await gets_notice(ana, "staging")
    expect("no deploy by Signalbox yet" in status.rendered, "a run counts as a deploy")


async def from_a_message(world: World) -> None:
    """A person runs it about a message, whose link the approvers get."""
    lee = world.person("lee")
    announce("lee runs it from the message about it, and Slack's menu of that message")
    await lee.type("#staging", "sftp is slow, its worker hangs")
    about = await shows(world, "#staging", "its worker hangs")
    await lee.use_shortcut("Run an operation…", about)
    window = await lee.wait_for_view(predicate=lambda view: view.callback_id == "run-choice")
    await lee.submit(window, {"Operation": "restart-service (staging)"})
    window = await lee.wait_for_view(predicate=lambda view: view.callback_id == "run")
    reply = await lee.submit(window, {"machine": "sftp", "service": "worker"})
    expect(reply.closed, f"the window has {reply.errors}")
    ask = await shows(world, "#staging", "Run restart-service with machine=sftp", "approval", "About this message")
    expect(any(about.ts.replace(".", "") in link for link in ask.links), f"no link to the message: {ask.links}")
    await rejects(world, "max", ask)
    await shows(world, "#staging", ":no_entry_sign:", "Run restart-service with machine=sftp")
