"""GitHub's filter patterns, by the examples of its cheat sheet and by generated names."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.github.runs import filter_patterns
from sandbox.github import push_filters

# Source: docs.github.com, "Workflow syntax for GitHub Actions", filter pattern cheat sheet.
BRANCHES = [
    ("feature/*", "feature/my-branch feature/your-branch", "feature/a/b main"),
    ("feature/**", "feature/beta-a/my-branch feature/mona/the/octocat", "main"),
    ("main", "main", "maint"),
    ("*", "main releases", "all/the/branches"),
    ("**", "all/the/branches every/tag", ""),
    ("*feature", "mona-feature feature ver-10-feature", "feature/a"),
    ("v2*", "v2 v2.0 v2.9", "v1"),
    ("v[12].[0-9]+.[0-9]+", "v1.10.1 v2.0.0", "v3.0.0 v1..0"),
    ("Octoc?t", "Octoct Octot", "Octoccct"),
    ("[CB]at", "Cat Bat", "Hat"),
]
PATHS = [
    ("*", "README.md server.rb", "docs/README.md"),
    ("*.jsx?", "page.js page.jsx", "page.ts src/page.js"),
    ("**", "all/the/files.md", ""),
    ("*.js", "app.js index.js", "js/index.js"),
    ("**.js", "index.js js/index.js src/js/app.js", "index.ts"),
    ("docs/*", "docs/README.md docs/file.txt", "docs/a/b.md"),
    ("docs/**", "docs/README.md docs/mona/octocat.txt", "src/docs"),
    ("docs/**/*.md", "docs/README.md docs/mona/hello-world.md docs/a/markdown/file.md", "docs/a.txt"),
    ("**/docs/**", "docs/hello.md dir/docs/my-file.txt space/docs/plan/space.doc", "mydocs/a"),
    ("**/README.md", "README.md js/README.md", "README.mdx"),
    ("**/*src/**", "a/src/app.js my-src/code/js/app.js", "srcs/a"),
    ("**/*-post.md", "my-post.md path/their-post.md", "post.md"),
    ("**/migrate-*.sql", "migrate-10909.sql db/migrate-v1.0.sql db/sept/migrate-v1.sql", "migrate.sql"),
]


@pytest.mark.parametrize(("pattern", "matching", "others"), BRANCHES + PATHS)
def test_the_examples_of_the_cheat_sheet(pattern: str, matching: str, others: str) -> None:
    assert [name for name in matching.split() if not filter_patterns.matches(pattern, name)] == []
    assert [name for name in others.split() if filter_patterns.matches(pattern, name)] == []


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ("**/README.md", "!README.md", "*.md")
    assert filter_patterns.selects(patterns, "README.md")
    assert not filter_patterns.selects(patterns[:2], "README.md")
    assert filter_patterns.selects(patterns[:2], "docs/README.md")
    assert not filter_patterns.selects(("!README.md",), "other")


@pytest.mark.parametrize("pattern", ["", "?", "+a", "*?", "[", "[]", "[!a]", "a" * 2_000, "(a+)+$", "\\"])
def test_a_pattern_that_github_refuses_matches_nothing_else(pattern: str) -> None:
    assert not filter_patterns.matches(pattern, "a" * 40)


@given(
    pattern=st.text(alphabet="ab/.*", min_size=1, max_size=12),
    name=st.text(alphabet="ab/.", min_size=1, max_size=12),
)
def test_both_readings_of_the_documentation_agree(pattern: str, name: str) -> None:
    """The stand-in reads the patterns by code of its own."""
    assert filter_patterns.selects((pattern,), name) == push_filters.is_started({"branches": [pattern]}, name, ["x"])
