from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.github.commits import Author, CommitGraph, UnknownRefError, blob_id

ANA = Author("Ana", "a@b", "ana")


def at(second: int) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + second, UTC)


@pytest.fixture
def graph() -> CommitGraph:
    made = CommitGraph()
    made.commit("main", {"a": "1\n"}, "One", ANA, at(0))
    made.branch("dev", "main")
    made.commit("main", {"b": "2\n"}, "Two", ANA, at(1))
    made.commit("dev", {"c": "3\n"}, "Three", ANA, at(2))
    made.tag("v1", "main")
    return made


def test_ids_are_those_that_git_gives() -> None:
    # Made with git 2: the same files, author and time in a repository of its own.
    files = {"a/b/c": "hi\n", "a.b/y": "x\n", "a-z": "y\n", "run.sh": "#!"}
    commit = CommitGraph().commit("main", files, "Hello", ANA, at(0))
    assert commit.tree == "73517b8ceb0f89db236c9b5442425663cdf771c5"
    assert commit.sha == "8116577002a360b098841c4b0fd9a7428d024193"
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_ref_is_found_by_each_of_its_names(graph: CommitGraph) -> None:
    tip = graph.branches["main"]
    names = [
        "main",
        "heads/main",
        "refs/heads/main",
        "v1",
        "tags/v1",
        "refs/tags/v1",
        tip,
        tip[:7],
        tip[:7].upper(),
        "HEAD",
    ]
    assert {graph.resolve(name).sha for name in names} == {tip}


@pytest.mark.parametrize("ref", ["nope", "", "abc", "refs/heads/v1", "refs/tags/main", "0" * 40, "../main", "main~1"])
def test_an_unknown_ref_is_an_error(graph: CommitGraph, ref: str) -> None:
    with pytest.raises(UnknownRefError):
        graph.resolve(ref)


def test_history_has_children_before_parents_and_a_merge_has_both(graph: CommitGraph) -> None:
    merge = graph.commit("main", {}, "Merge dev", ANA, at(3), merging="dev")
    subjects = [commit.message for commit in graph.history(merge.sha)]
    assert subjects[0] == "Merge dev"
    assert subjects[-1] == "One"
    assert sorted(subjects[1:3]) == ["Three", "Two"]
    assert set(merge.files) == {"a", "b", "c"}


def test_merge_base_is_where_the_branches_parted(graph: CommitGraph) -> None:
    base = graph.merge_base(graph.branches["main"], graph.branches["dev"])
    assert base is not None
    assert base.message == "One"


def test_a_removed_file_is_gone_from_the_next_commit_alone(graph: CommitGraph) -> None:
    before = graph.resolve("main")
    after = graph.commit("main", {"a": None}, "Away with it", ANA, at(4))
    assert "a" in before.files
    assert "a" not in after.files
