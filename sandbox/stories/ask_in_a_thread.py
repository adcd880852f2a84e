"""Somebody asks Signalbox in the thread of a deploy, and in direct messages, with the words of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types, until

if TYPE_CHECKING:
    from sandbox.slack import Message, Reply
    from sandbox.world import World

SUMMARY = (
    "in a thread “@Signalbox status” is answered there; a deploy begins so, and a direct message asks for the queue"
)
CHANNELS = ("#staging",)


async def writes(world: World, name: str, channel: str, text: str, thread: str = "") -> Reply:
    """A person writes a message, perhaps in a thread."""
    announce(f"{name} writes “{text}” in {channel}")
    reply = await world.person(name).type(channel, text, thread_ts=thread or None)
    expect(reply.ok, f"Slack would show: {reply.error}")
    return reply


async def _replies(world: World, channel: str, thread: str, piece: str) -> Message:
    """Wait for the answer in a thread."""
    answers: list[Message] = []

    def holds() -> bool:
        answers[:] = [each for each in world.channel(channel).replies(thread) if piece in each.rendered and each.bot_id]
        return bool(answers)

    await until(holds, f"no answer with {piece!r} came in the thread")
    announce(f"in the thread: {answers[0].rendered.splitlines()[0]}")
    return answers[0]


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/deploy staging")
    deploy = await shows(world, "#staging", "#1 Deploy main to staging", "Waiting for approval")
    await writes(world, "max", "#staging", "@signalbox status", deploy.ts)
    status = await _replies(world, "#staging", deploy.ts, "#1 Deploy main to staging")
    expect("staging" in status.rendered, "the status does not name the environment")

    await writes(world, "max", "#staging", "thanks, ask @signalbox about it", deploy.ts)
    await writes(world, "gus", "#staging", "@signalbox queue", deploy.ts)
    refused = await _replies(world, "#staging", deploy.ts, "You may not run Signalbox's commands here")
    expect(refused.thread_ts == deploy.ts, "the refusal is not in the thread")

    await writes(world, "lee", "#dev", "@signalbox deploy dev")
    await shows(world, "#dev", "#2 Deploy main to dev", "deployed")

    direct = world.slack.workspace.open_direct(world.person("ana").user)
    await writes(world, "ana", direct.id, "queue staging")
    question = next(each for each in direct.messages if each.user == world.person("ana").id)
    await _replies(world, direct.id, question.ts, "#1")
    await writes(world, "ana", direct.id, "plan")
    window = next(each for each in direct.messages if each.text == "plan")
    answer = await _replies(world, direct.id, window.ts, "opens a window")
    await clicks(world, "ana", answer, "Open…")
    view = await world.person("ana").wait_for_view()
    expect(view.title == "Plan", f"the window {view.title} opens")
    mistaken = [each for each in world.channel("#staging").replies(deploy.ts) if "do not know" in each.rendered]
    expect(not mistaken, "what only mentions Signalbox is answered")
