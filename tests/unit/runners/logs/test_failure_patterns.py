"""Each failure pattern matches what tools print when they fail, and nothing that only looks like it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from runners.logs import false_positives
from runners.logs.carriers import Carriers
from runners.logs.classifier import Classifier
from runners.logs.failure_patterns import BUILT_IN, TABLES, FailurePattern, configured
from runners.logs.patterns import STRONG, WEAK, Row
from tests.unit.runners.logs.log_lines import FALSE, TRUE

CLASSIFIER = Classifier(BUILT_IN)
# Those of the example configuration, which would match half of a log if there were no list of false positives.
WIDE = [configured(pattern) for pattern in ("(?i)\\berror:", "(?i)fatal:", "npm ERR!", "E: Unable to locate package")]
WITH_WIDE = Classifier([*BUILT_IN, *WIDE])


def name_of(line: str, classifier: Classifier = CLASSIFIER) -> str | None:
    classified = classifier.classify([line])
    assert list(classifier.candidates(line.encode())) == [0] or classified is None
    return classified[0].name if classified else None


def in_python(pattern: FailurePattern) -> re.Pattern[str]:
    """The pattern for Python's `re`, whose \\w has all letters already."""
    return re.compile(pattern.pattern.replace(r"\pL\pN", ""))


CASES = [(name, line) for name, lines in TRUE.items() for line in lines]


@pytest.mark.parametrize(("name", "line"), CASES, ids=[line[:60] for _, line in CASES])
def test_what_a_failing_tool_prints_is_a_failure(name: str, line: str) -> None:
    first = name_of(line)
    assert first is not None
    assert first == name or any(pattern.name == name and in_python(pattern).search(line) for pattern in BUILT_IN)


@pytest.mark.parametrize("line", [line for _, line in CASES if not line.startswith(("Build '", "--> ", "==> ", "##["))])
def test_it_is_a_failure_under_packers_prefix_as_well(line: str) -> None:
    for prefix in ("    amazon-ebs.backend: ", "==> amazon-ebs.backend: "):
        assert name_of(prefix + line)


ROWS = [(f"{tool}: {row.name}", row) for table in TABLES for tool, rows in table.items() for row in rows]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name} {row.example[:40]}" for name, row in ROWS])
def test_each_pattern_matches_its_example_and_not_its_counterexample(name: str, row: Row) -> None:
    classified = CLASSIFIER.classify([row.example])
    assert classified is not None
    assert (classified[0].name, classified[0].pattern) == (name, row.pattern)
    assert name_of(row.example) == name
    assert name_of(row.counterexample) is None
    assert row.weight in (STRONG, WEAK)


def test_the_lines_of_this_test_have_names_of_patterns() -> None:
    assert set(TRUE) <= {name for name, _ in ROWS}


@pytest.mark.parametrize("line", FALSE, ids=[line[:60] for line in FALSE])
def test_what_only_looks_like_a_failure_is_none(line: str) -> None:
    assert name_of(line) is None
    assert name_of(line, WITH_WIDE) is None
    assert name_of("    amazon-ebs.backend: " + line, WITH_WIDE) is None


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("error: the migration was not run", "(?i)\\berror:"),
        ("ERROR: no space was reserved", "(?i)\\berror:"),
        ("Fatal: 3 of 4 daemons are gone", "(?i)fatal:"),
        ("liberror-perl: error: not built", "(?i)\\berror:"),
        ("error: 0.5 of 4 daemons are gone", "(?i)\\berror:"),
    ],
)
def test_a_configured_pattern_is_named_by_itself(line: str, pattern: str) -> None:
    assert name_of(line) in (None, "tool: logged as an error")
    assert name_of(line, WITH_WIDE) == f"configured: {pattern}"


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        ("==== 1 failed, 140 passed, 28 skipped in 527.97 seconds ====", STRONG),
        ("Tests run: 7, Failures: 1, Errors: 0, Skipped: 0", STRONG),
        ("E: Failed to fetch the list, skipped", WEAK),
        ("Could not find a tag of that name, assuming a commit.", WEAK),
        ("Unable to convert the address to https. Using original value.", WEAK),
        ("queue-daemon: unable to bind to port 8080", STRONG),
        ("warning: could not lock the cache", WEAK),
        ("DEBUG [1a31c418] Finished in 0.017 seconds with exit status 1 (failed).", WEAK),
        ("the installer of the queue returned 255 instead of 0", STRONG),
        ("[WARNING] Could not transfer the metadata of the queue", WEAK),
    ],
)
def test_a_line_weighs_less_that_says_what_happens_in_place_of_the_failure(line: str, weight: int) -> None:
    classified = CLASSIFIER.classify([line])
    assert classified is not None
    assert classified[0].weight_of(line) == weight


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("[24-Nov-2026 12:00:00] ERROR: the pool has no user", "tool: logged as an error"),
        ("12:00:00  Failed to load the queue", "tool: could not do it"),
        ("queue-log stderr | tail: cannot open 'queue.log': No such file or directory", "shell: no such file"),
        ("│ gyp ERR! find Python 3", "npm: npm error"),
        ("aws_instance.queue (remote-exec): : No such file or directory", "tool: no such file"),
        ("  ✘ queue Error   2.4s", "tool: reported as failed"),
        ("Ran the script of the queue returned 2", "tool: exit code"),
        ("the command: exit status 1", "tool: exit code"),
        ("Starting queue-daemon: failed", "tool: reported as failed"),
        ("FAILED: the queue is not there", "make: make failed"),
        ("the queue: 12 passed, 0 failed", None),
        ('  "failed": false,', None),
        ("the error code is 0", None),
    ],
)
def test_programs_of_any_kind_say_that_they_failed(line: str, name: str | None) -> None:
    assert name_of(line) == name


def test_a_false_positive_hides_no_failure_beside_it() -> None:
    assert name_of("E: Unable to locate package liberror-perl") == "apt: package not found"
    assert name_of("cp: cannot stat 'dist/error.html': No such file or directory") == "shell: no such file"


@pytest.mark.parametrize(
    ("line", "blanked"),
    [
        ("errors=0, failed: 0 --fail x", "        ,                  x"),
        ("error: 0.5 a--fail (--no-error)", "error: 0.5 a--fail (          )"),
        ("make || echo error: \u00e9 0 errors", "make                       "),
        ("\u00e9 0 errors", "\u00e9         "),
    ],
)
def test_words_that_only_look_like_a_failure_are_blanked_and_nothing_else(line: str, blanked: str) -> None:
    assert false_positives.without_false_positives(line).rstrip() == blanked.rstrip()


def test_re2_matches_what_pythons_re_matches_also_on_near_misses() -> None:
    carriers = Carriers()
    expressions = [(pattern, in_python(pattern)) for pattern in BUILT_IN]
    for line in {line for _, line in CASES}:
        misses = (line[:at] + other + line[at + 1 :] for at in range(len(line)) for other in ("", " ", "0"))
        for text in (line, *misses):
            texts = carriers.texts(text.rstrip())
            stated = not any(map(false_positives.is_no_statement, texts))
            matching = (
                pattern.name
                for pattern, expression in expressions
                if (stated or not pattern.sentence) and any(map(expression.search, texts))
            )
            first = None if any(map(false_positives.is_false_positive, texts)) else next(matching, None)
            classified = CLASSIFIER.classify([text.rstrip()])
            assert (classified[0].name if classified else None) == first, text


PROGRAMS = st.sampled_from(
    ["", "queue: ", "/opt/queue.sh: line 3: ", "lib: queue: ", "==> ", "** ", "[stderr] ", "12:00:00 "]
)
FAULTS = st.sampled_from(
    [
        "could not {} the file",
        "cannot {} it",
        "unable to {} the queue",
        "Failed to {} 'queue'",
        "Error {}ing the queue: 3",
    ]
)
VERBS = st.sampled_from(["load", "mount", "fetch", "decrypt", "attach", "unpack", "reach"])


@given(PROGRAMS, FAULTS, VERBS)
def test_a_program_that_no_table_knows_says_that_it_failed(program: str, fault: str, verb: str) -> None:
    sentence = fault.format(verb)
    assert name_of(program + sentence)
    assert name_of(f"retries if the queue {sentence}") is None
    assert name_of(f"- Fix {sentence}") is None
    assert name_of(f"    --retry    retry where {sentence}") is None
