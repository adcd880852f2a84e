"""Which commits run unasked, over random histories with branches, tags and forks; real git is the reference."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config import Refs
from bot.redaction import Redactor
from handlers.shared.ref_judgement import RefRules, judge
from runners.errors import NoSuchRefError, RefusedRefError
from runners.git_refs import is_ref, matches
from runners.github import GitHub, commits
from sandbox.github import GitHubStandIn
from sandbox.github.commits import Author, CommitGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.results import RefStanding

TOKEN, REPOSITORY = "ghp_refs", "acme/code"
BY = Author("Ana", "ana@lineside.example", "ana")
NAMES = ["main", "release/1", "release/2", "fix", "v1", "v2"]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[int]], dict[str, int], dict[str, int]]:
    """The parents of each commit, and what branches and tags name: also nothing, so that only a fork has some commits."""
    size = draw(st.integers(2, 9))
    parents = [draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True)) if n else [] for n in range(size)]
    numbers = st.integers(0, size - 1)
    branches = {"main": draw(numbers)} | draw(st.dictionaries(st.sampled_from(NAMES[1:4]), numbers))
    return parents, branches, draw(st.dictionaries(st.sampled_from(NAMES[4:]), numbers))


def seeded(graph: CommitGraph, history: tuple[list[list[int]], dict[str, int], dict[str, int]]) -> list[str]:
    """Make the history in the stand-in; the SHA of each commit."""
    parents, branches, tags = history
    shas: list[str] = []
    for number, of in enumerate(parents):
        made = graph.advance(
            "temporary", tuple(shas[n] for n in of), {"n": str(number).encode()}, f"Commit {number}", BY
        )
        shas.append(made.sha)
    graph.branches.clear()
    graph.branches.update({name: shas[number] for name, number in branches.items()})
    for name, number in tags.items():
        graph.tag(name, shas[number], "annotated" if name == "v2" else "")
    return shas


def git(folder: str, *arguments: str, given: str = "") -> str:
    return subprocess.run(
        ["git", "-C", folder, *arguments], input=given, capture_output=True, text=True, check=True
    ).stdout


def containers(history: tuple[list[list[int]], dict[str, int], dict[str, int]]) -> list[list[str]]:
    """For each commit the refs that contain it, by real git."""
    parents, branches, tags = history
    lines = []
    for number, of in enumerate(parents):
        lines += ["commit refs/made/now", f"mark :{number + 1}", f"committer a <a@b> {number + 1} +0000", "data 1", "x"]
        lines += [f"{'merge' if place else 'from'} :{n + 1}" for place, n in enumerate(of)]
        lines += ["deleteall", "", f"reset refs/made/{number}", f"from :{number + 1}", "", "reset refs/made/now", ""]
    for full_name, number in [
        *((f"refs/heads/{name}", number) for name, number in branches.items()),
        *((f"refs/tags/{name}", number) for name, number in tags.items()),
    ]:
        lines += [f"reset {full_name}", f"from :{number + 1}", ""]
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "-q", "--bare")
        git(folder, "fast-import", "--quiet", "--force", given="\n".join(lines) + "\n")
        query = ["for-each-ref", "--format=%(refname)", "--contains"]
        return [git(folder, *query, f"refs/made/{n}", "refs/heads", "refs/tags").split() for n in range(len(parents))]


async def standings(
    history: tuple[list[list[int]], dict[str, int], dict[str, int]], refs: Refs, names: Sequence[str] = ()
) -> list[RefStanding]:
    """How the bot judges each commit by its SHA, and these names."""
    shas: list[str] = []
    server = GitHubStandIn(token=TOKEN, repositories={REPOSITORY: lambda graph: shas.extend(seeded(graph, history))})
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    operation: Any = SimpleNamespace(services=SimpleNamespace(github=client, redact=Redactor(())))
    rules = RefRules(refs, "main", "environments.dev.refs")
    try:
        resolved = [await commits.resolve(client, REPOSITORY, ref) for ref in [*shas, *names]]
        result = [await judge(operation, commit, rules) for commit in resolved]
        assert server.refused == []
        return result
    finally:
        await client.close()
        await server.stop()


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=8)
@given(history=histories(), allow=st.sampled_from([(), ("release/*",), ("refs/tags/*",), ("**",)]))
def test_a_commit_runs_unasked_exactly_if_an_allowed_ref_contains_it(
    history: tuple[list[list[int]], dict[str, int], dict[str, int]], allow: tuple[str, ...]
) -> None:
    for standing, by_git in zip(asyncio.run(standings(history, Refs(allow=allow))), containers(history), strict=True):
        allowed = [ref for ref in by_git if any(matches(ref, pattern) for pattern in allow)]
        assert standing.allowed == ("refs/heads/main" in by_git or bool(allowed)), (by_git, standing)
        assert bool(standing.refused) == (not by_git)
        assert not (standing.allowed and standing.refused)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=6)
@given(history=histories())
def test_a_named_ref_is_never_allowed_by_its_name_alone(
    history: tuple[list[list[int]], dict[str, int], dict[str, int]],
) -> None:
    by_git = containers(history)
    _, branches, tags = history
    named = {**{f"refs/heads/{n}": c for n, c in branches.items()}, **{f"refs/tags/{n}": c for n, c in tags.items()}}
    judged = asyncio.run(standings(history, Refs(), list(named)))[len(by_git) :]
    for standing, number in zip(judged, named.values(), strict=True):
        assert standing.allowed == ("refs/heads/main" in by_git[number])
        assert standing.commit.full_name in named


@given(
    name=st.text(st.sampled_from("ab/*?.-[]"), min_size=1, max_size=8),
    pattern=st.text(st.sampled_from("ab/*?"), min_size=1),
)
def test_a_pattern_is_for_names_that_its_wildcards_spell(name: str, pattern: str) -> None:
    """The reference is a matcher that tries every way, letter by letter."""
    if not is_ref(name):
        return

    def fits(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern.startswith("**"):
            return any(fits(pattern[2:], text[n:]) for n in range(len(text) + 1))
        if pattern[0] == "*":
            longest = re.match("[^/]*", text)
            assert longest
            return any(fits(pattern[1:], text[n:]) for n in range(longest.end() + 1))
        return (
            bool(text)
            and (pattern[0] == text[0] or (pattern[0] == "?" and text[0] != "/"))
            and fits(pattern[1:], text[1:])
        )

    assert matches(f"refs/heads/{name}", pattern) == fits(pattern, name)


@pytest.mark.parametrize("other", ["tag", "commit"])
async def test_a_name_with_two_meanings_is_refused(other: str) -> None:
    server = GitHubStandIn(token=TOKEN, repositories={REPOSITORY: lambda _: None})
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    graph = server.repository(REPOSITORY).graph
    graph.commit("main", {"a": "b"}, "A", BY)
    name = "same" if other == "tag" else graph.resolve("main").short
    try:
        graph.branch(name, "main")
        if other == "tag":
            graph.tag(name, "main")
        with pytest.raises(RefusedRefError, match="ambiguous"):
            await commits.resolve(client, REPOSITORY, name)
        resolved = await commits.resolve(client, REPOSITORY, f"refs/heads/{name}")
        assert (resolved.full_name, resolved.ref) == (f"refs/heads/{name}", f"refs/heads/{name}")
    finally:
        await client.close()
        await server.stop()


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_tag_with_the_configured_name_is_not_the_configured_ref(*, deleted: bool) -> None:
    server = GitHubStandIn(token=TOKEN, repositories={REPOSITORY: lambda _: None})
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    graph = server.repository(REPOSITORY).graph
    graph.commit("main", {"a": "b"}, "A", BY)
    graph.branch("evil", "main")
    graph.commit("evil", {"a": "evil"}, "B", BY)
    graph.tag("main", "evil")
    rules = RefRules(Refs(allow=("release/*",)), "main", "environments.dev.refs")
    operation: Any = SimpleNamespace(services=SimpleNamespace(github=client, redact=Redactor(())))
    try:
        resolved = await commits.resolve(client, REPOSITORY, "refs/tags/main")
        resolved = replace(resolved, ref="main")  # as it is resolved while no branch has the name
        if deleted:
            del graph.branches["main"]
            assert (await commits.resolve(client, REPOSITORY, "main")).sha == resolved.sha
            with pytest.raises(NoSuchRefError, match="GitHub has no refs/heads/main"):
                await judge(operation, resolved, rules)
        else:
            assert not (await judge(operation, resolved, rules)).allowed
        tagged = replace(resolved, ref="refs/tags/main")
        assert (await judge(operation, tagged, replace(rules, guarded="refs/tags/main"))).allowed
    finally:
        await client.close()
        await server.stop()
