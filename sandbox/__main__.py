"""`python -m sandbox`: Signalbox to try out, on this machine alone; `--play NAME` acts a story out, `--repository DIR` takes yours."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import stories, trial, wall
from sandbox.ports import free_port
from sandbox.world import Options, World

if TYPE_CHECKING:
    from sandbox.stories import Story

MAIN_JOB = "main-job"
DEFAULT_PORT = 8900


def main() -> int:
    """The exit code is 0 when a story passed, and when the sandbox was closed; 2 where a directory cannot be tried."""
    available = stories.find()
    parser = _parser(available)
    chosen = parser.parse_args()
    if chosen.list:
        print(*(f"{story.name:24} {story.summary}" for story in available.values()), sep="\n")
        return 0
    if chosen.repository:
        return _try_out(parser, chosen)
    story = available[MAIN_JOB if chosen.demo else chosen.play] if chosen.demo or chosen.play else None
    # Without a terminal nobody could close it: then a demo ends with its story.
    stays = story is None or (chosen.demo and sys.stdin.isatty())
    options = story.options if story else Options()
    if chosen.port and not _is_free(chosen.port):
        parser.error(f"another program listens on port {chosen.port}: choose another port, or 0 for any")
    return asyncio.run(_run(story, replace(options, page_port=_port(chosen, stays=stays)), stays=stays))


def _try_out(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    """Put a directory of the user's own into the sandbox."""
    directory = Path(chosen.repository).expanduser().resolve()
    if chosen.inside:
        wanted = trial.Trial(directory, chosen.port, chosen.action, chosen.output, chosen.other)
        return asyncio.run(_inside(wanted, Path(chosen.inside), chosen.pages))
    if chosen.port and not _is_free(chosen.port):
        parser.error(f"another program listens on port {chosen.port}: choose another port, or 0 for any")
    port, others = _port(chosen, stays=True) or free_port(), [_absolute(each) for each in chosen.other]
    wanted = trial.Trial(directory, port, chosen.action, chosen.output, others)
    if reason := trial.missing(wanted):
        print(reason, file=sys.stderr)
        return trial.REFUSED
    print("Starting the sandbox, without a network ...", flush=True)
    return asyncio.run(trial.run_without_network(wanted))


def _absolute(other: str) -> str:
    """OWNER/NAME=DIR with the whole path, since the sandbox runs elsewhere."""
    name, equals, directory = other.partition("=")
    return f"{name}{equals}{Path(directory).expanduser().resolve() if directory else directory}"


async def _inside(wanted: trial.Trial, sockets: Path, pages: int) -> int:
    return await trial.run_inside(wanted, sockets, pages, _closed())


def _closed() -> asyncio.Event:
    """Set once somebody closes the sandbox."""
    closed = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, closed.set)
    return closed


async def _run(story: Story | None, options: Options, *, stays: bool) -> int:
    print("Starting the sandbox: Slack, GitHub and AWS stand-ins, and Signalbox among them ...", flush=True)
    if wall.missing():
        print(f"Without a wall around what Signalbox starts ({wall.missing()}): isolation: none.", flush=True)
    closed = _closed()
    async with World(options) as world:
        went_well = True
        if stays:
            print(f"\nThe chat page, for your browser: {world.slack.url}/", flush=True)
        if story:
            went_well = await _until(closed, _play(world, story))
        if stays and not closed.is_set():
            print(f"\nThe chat page stays open: {world.slack.url}/  (Ctrl+C closes the sandbox)", flush=True)
            await closed.wait()
        print("Closing ...", flush=True)
    return 0 if went_well else 1


async def _until(closed: asyncio.Event, playing: object) -> bool:
    play = asyncio.ensure_future(playing)  # type: ignore[call-overload]
    close = asyncio.ensure_future(closed.wait())
    await asyncio.wait({play, close}, return_when=asyncio.FIRST_COMPLETED)
    close.cancel()
    if not play.done():
        play.cancel()
        return False
    return bool(play.result())


async def _play(world: World, story: Story) -> bool:
    print(f"\n{story.name}: {story.summary}\n", flush=True)
    failure = None
    try:
        await story.play(world)
    except AssertionError as error:
        failure = error
    for name in story.channels:
        print(f"\n{name} as it is now\n{'─' * 60}\n{world.channel(name).as_read}\n{'─' * 60}", flush=True)
    if failure:
        log = world.bot.log.read_text(errors="replace")[-3000:]
        print(f"\nThe story failed: {failure}\n\nThe end of the bot's log:\n{log}", flush=True)
        return False
    refused = [f"{call.method}: {call.error}" for call in world.slack.refused]
    print(f"\nSlack would have refused: {refused}" if refused else "\nThe story succeeded.", flush=True)
    return not refused


def _port(chosen: argparse.Namespace, *, stays: bool) -> int:
    if chosen.port is not None:
        return int(chosen.port)
    return DEFAULT_PORT if stays and _is_free(DEFAULT_PORT) else 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _parser(available: dict[str, Story]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Signalbox without Slack, to try out.")
    parser.add_argument("--port", type=int, help=f"of the chat page; {DEFAULT_PORT}, or any where that is taken")
    parser.add_argument(
        "--play", choices=sorted(available), metavar="NAME", help=f"act out: {', '.join(sorted(available))}"
    )
    parser.add_argument("--demo", action="store_true", help="act the main job out, then stay open for the browser")
    parser.add_argument("--list", action="store_true", help="say which stories there are")
    parser.add_argument(
        "--repository", metavar="DIR", help="try a repository of your own: no network, none of your credentials"
    )
    parser.add_argument(
        "--other",
        action="append",
        default=[],
        metavar="OWNER/NAME=DIR",
        help="another repository that your signalbox.yaml names, such as that of a service",
    )
    parser.add_argument(
        "--action", action="append", default=[], metavar="OWNER/NAME", help="an action that is played without an effect"
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="FILE:JOB.NAME=VALUE",
        help="an output of a job whose script does not run here, as in deploy.yml:list.cells=[1]",
    )
    parser.add_argument(
        "--inside", help=argparse.SUPPRESS
    )  # the directory of sockets, in the process without a network
    parser.add_argument("--pages", type=int, default=0, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
