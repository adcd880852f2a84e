"""App Home of 20 environments with 400 instances, through the whole bot: its calls to AWS and GitHub, and how soon it is published."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any

from bot.seals import Keyring
from bot.settings import database_url
from bot.store.database import Store
from bot.store.deployments import Deployments
from bot.store.operations import Operations, Request, Status
from runners.results import Commit
from sandbox.aws import AwsStandIn
from sandbox.world import SECRETS, Options, World
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, command, volley
from tests.forked_aws import started
from tests.scenarios.aws_between import aws_between

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.slack import View
    from tests.scenarios.aws_between import AwsBetween

ENVIRONMENTS, ROLES, INSTANCES = 20, ("api", "cron"), 400
REPOSITORY = "PermanentOrg/infrastructure"
WARM, AWS_CALLS, GITHUB_CALLS, ANSWER = 1.0, 12, 8, 1.0
OLD = 130  # commits by which two environments are behind: more than one list of commits has
WITHIN = 120.0
_triggers = count()
_NAMES = [f"env{number}" for number in range(ENVIRONMENTS)]
_MORE = "".join(
    f'  {name}:\n    channel: "#dev"\n    machines: [{", ".join(ROLES)}]\n'
    "    deploy: {github_actions: {workflow: deploy-dev.yml, ref: main}}\n"
    for name in _NAMES
)


async def measure(*, quick: bool) -> list[Figure]:
    """A Home tab with nothing cached, then the same from the caches, and an answer to /infra status with nothing cached."""
    runs, instances = (3, 40) if quick else (20, INSTANCES)
    config = {**UNLIMITED, "environments:\n": f"environments:\n{_MORE}"}
    async with aws_between(lambda: started(AwsStandIn())) as aws:
        await asyncio.to_thread(_launch, aws, instances)
        async with World(Options(aws=aws.handle, config=config, rate_limits=False)) as world:
            await world.bot.stop()
            commits = _commits(world.github.repository(REPOSITORY))
            await _deploy(database_url(None, f"sqlite:///{world.files}/var/signalbox.sqlite"), commits)
            await world.bot.start()
            answer = await _status(world)
            # The calls that the answer has begun come to their end; another bot begins with nothing cached.
            await asyncio.sleep(5)
            await world.bot.stop()
            await world.bot.start()
            return [Figure("/infra status with nothing cached", answer, " s", ANSWER), *await _home(world, aws, runs)]


async def _home(world: World, aws: AwsBetween, runs: int) -> list[Figure]:
    aws.calls.clear()
    asked = len(world.github.requests)
    began = time.perf_counter()
    await world.person("ana").open_home(timeout=WITHIN)
    first = time.perf_counter() - began
    await _filled(world)
    complete = time.perf_counter() - began
    cold_aws, cold_github = aws.calls.total(), len(world.github.requests) - asked
    made = f"{ENVIRONMENTS} environments: {', '.join(sorted(aws.calls))}"
    warm = [await _opened(world) for _ in range(runs)]
    again = aws.calls.total() - cold_aws
    detail = f"slowest {max(warm):.2f} s of {runs}; {again} calls to AWS in that time"
    return [
        Figure("Home with nothing cached, calls to AWS", cold_aws, "", AWS_CALLS, detail=made),
        Figure("Home with nothing cached, calls to GitHub", cold_github, "", GITHUB_CALLS),
        Figure("Home with nothing cached, first and complete", first, " s", detail=f"complete after {complete:.2f} s"),
        Figure("Home from warm caches, median", median(warm), " s", WARM, detail=detail),
    ]


async def _opened(world: World) -> float:
    began = time.perf_counter()
    await world.person("ana").open_home(timeout=WITHIN)
    return time.perf_counter() - began


async def _filled(world: World) -> None:
    """Wait until the tab has the instances and the standing of each environment."""
    person, backend = world.person("ana"), world.slack.backend

    def complete() -> View | None:
        view = backend.workspace.views.home(person.id)
        text = view.rendered if view else ""
        whole = text.count("instances run") >= ENVIRONMENTS and text.count("behind `main`") >= ENVIRONMENTS
        return view if whole else None

    if await backend.workspace.bus.until(complete, WITHIN) is None:
        view = backend.workspace.views.home(person.id)
        raise RuntimeError(f"Home was not completed: {view.rendered if view else 'nothing'}")


async def _status(world: World) -> float:
    url, secret = f"http://127.0.0.1:{world.bot.port}/slack/events", SECRETS["SLACK_SIGNING_SECRET"]
    post = command("/infra status", trigger=f"home-{next(_triggers)}", secret=secret)
    (answer,) = await volley(url, [post], at_once=1)
    if answer.status != 200 or "a second answer follows" not in answer.body:
        raise RuntimeError(f"/infra status was not answered: {answer}")
    return answer.seconds


def _launch(aws: AwsBetween, instances: int) -> None:
    ec2 = aws.ec2()
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    each = instances // (ENVIRONMENTS * len(ROLES))
    for name in _NAMES:
        for role in ROLES:
            tags: Any = [{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": f"{name} {role}"}]}]
            ec2.run_instances(ImageId=image, MinCount=each, MaxCount=each, TagSpecifications=tags)


def _commits(repository: Repository) -> list[str]:
    """A commit for each environment: two are far behind the branch, the others by up to 20 commits."""
    old = repository.graph.branches["main"]
    newer = [repository.commit("main", {"n": str(number)}, f"Change {number}").sha for number in range(OLD)]
    return [old, newer[0], *newer[-ENVIRONMENTS - 1 : -3]]


async def _deploy(address: str, commits: list[str]) -> None:
    """Record a deploy of each environment, as the bot records it."""
    store = Store(address, Keyring.read(SECRETS["SIGNALBOX_KEY"]))
    try:
        operations = Operations(store, time.time)
        for name, sha in zip(_NAMES, commits, strict=True):
            request = Request(f"bench {name}", "deploy", name, "U0ANA", f"Deploy main to {name}", "C0DEV", {})
            number = await operations.create(request)
            await operations.set_status(number, Status.SUCCEEDED)
            commit = Commit(REPOSITORY, sha, "main", "Change it", "lee-park", "https://github.test/c")
            await Deployments(store, time.time).add(await operations.get(number), commit)
    finally:
        store.close()
