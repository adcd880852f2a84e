"""A scan finds failures with the lines around them, whatever the log consists of."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from runners.logs import lines as log_lines
from runners.logs.carriers import CARRIERS
from runners.logs.classifier import Classifier
from runners.logs.excerpts import MOST_FINDINGS, MOST_OF_A_PATTERN, TAIL
from runners.logs.failure_patterns import BUILT_IN, FailurePattern, configured
from runners.logs.scan import scan_file
from runners.logs.scanner import LONGEST_SCRIPT, UNREAD

if TYPE_CHECKING:
    from runners.results import LogReading

TIME = "2026-11-23T12:00:00.1234567Z "
MISSING = "E: Unable to locate package libfoo"


def log_of(*lines: str) -> bytes:
    return b"\xef\xbb\xbf" + "".join(f"{TIME}{line}\n" for line in lines).encode()


def reading_of(
    raw: bytes,
    *patterns: FailurePattern,
    rate_limits: tuple[str, ...] = (),
    seconds: float = 60.0,
    built_in: bool = True,
) -> LogReading:
    wanted = (*(BUILT_IN if built_in else ()), *patterns)
    return scan_file(io.BytesIO(raw), wanted, rate_limits, timeout=seconds)


def test_a_finding_names_its_line_its_step_and_what_is_around_it() -> None:
    raw = log_of("##[group]Run packer build x", "shell: bash", "##[endgroup]", "a", "b", MISSING, "c", "d", "e")
    (finding,) = reading_of(raw).findings
    assert finding.pattern == "apt: package not found"
    assert (finding.line, finding.text) == (6, MISSING)
    assert (finding.before, finding.after) == (("a", "b"), ("c", "d"))
    assert finding.step == "Run packer build x"


def test_packers_prefix_is_shown_and_hides_no_failure() -> None:
    (finding,) = reading_of(log_of(f"    amazon-ebs.backend: {MISSING}")).findings
    assert finding.text == f"    amazon-ebs.backend: {MISSING}"


def test_a_script_that_github_shows_is_not_output() -> None:
    script = ["##[group]Run apt-get install x || true", f"\x1b[36;1mecho '{MISSING}'\x1b[0m", MISSING, "##[endgroup]"]
    assert reading_of(log_of(*script)).findings == ()
    assert reading_of(log_of(f"\x1b[36;1m{MISSING}\x1b[0m")).findings == ()
    assert len(reading_of(log_of(*script, MISSING)).findings) == 1


def test_a_group_that_never_ends_hides_only_so_much() -> None:
    raw = log_of("##[group]Run it", *["quiet"] * LONGEST_SCRIPT, MISSING)
    assert len(reading_of(raw).findings) == 1


def test_the_same_line_again_is_counted() -> None:
    reading = reading_of(log_of(MISSING, "x", MISSING, MISSING))
    assert [(finding.line, finding.times) for finding in reading.findings] == [(1, 3)]
    assert reading.matches == 3


def test_of_many_findings_the_first_are_kept_and_all_are_counted() -> None:
    noise = [f"curl: (6) Could not resolve host: h{number}" for number in range(100)]
    reading = reading_of(log_of(*noise, MISSING))
    assert reading.matches == 101
    assert len(reading.findings) == MOST_OF_A_PATTERN + 1
    assert reading.findings[-1].text == MISSING
    every = [configured(f"number{letter}") for letter in "abcdefghijkl"]
    many = reading_of(log_of(*(f"number{letter} {n}" for letter in "abcdefghijkl" for n in range(20))), *every)
    assert (many.matches, len(many.findings)) == (240, MOST_FINDINGS)


def test_colours_timestamps_and_overwritten_progress_are_gone() -> None:
    raw = log_of(
        "\x1b[31mE: Unable\x1b[0m to \x1b[1mlocate package x\x1b[0m", "10%\r50%\rdone", "\x1b]0;title\x07plain"
    )
    reading = reading_of(raw)
    assert [finding.text for finding in reading.findings] == ["E: Unable to locate package x"]
    assert reading.tail == ("E: Unable to locate package x", "done", "plain")


def test_overwritten_text_is_still_scanned() -> None:
    (finding,) = reading_of(log_of("fetching 10%\rcurl: (6) Could not resolve host: x\rretrying")).findings
    assert finding.text == "curl: (6) Could not resolve host: x"


def test_windows_line_ends_are_no_part_of_a_line() -> None:
    raw = f"a\r\n{MISSING}\r\nb\r\n".encode()
    reading = reading_of(raw)
    assert (reading.findings[0].text, reading.findings[0].before, reading.findings[0].after) == (
        MISSING,
        ("a",),
        ("b",),
    )
    assert reading.tail == ("a", MISSING, "b")


@pytest.mark.parametrize("raw", [b"", b"\n", b"\xef\xbb\xbf", b"\x00\xff\xfe" * 1000, bytes(range(256)) * 500])
def test_empty_logs_and_binary_data_are_no_failures(raw: bytes) -> None:
    reading = reading_of(raw, configured("^x{3}$"))
    assert (reading.findings, reading.first_error, reading.bytes) == ((), None, len(raw))


def test_invalid_utf_8_hides_nothing() -> None:
    (finding,) = reading_of(b"\xff\xfe\n" + b"curl: (6) Could not resolve host: \xff\n").findings
    assert finding.text.endswith("\ufffd")


def test_a_log_without_a_last_line_break_is_read_to_its_end() -> None:
    reading = reading_of(log_of("a") + MISSING.encode())
    assert (reading.lines, [finding.line for finding in reading.findings]) == (2, [2])


def test_a_line_without_end_is_read_in_little_memory() -> None:
    endless = io.BytesIO(b"x" * 50_000_000 + b"\n" + MISSING.encode() + b"\n")
    largest = max(len(block) for block in log_lines.blocks(endless))
    assert largest < 2 * log_lines.LONGEST_LINE
    reading = reading_of(b"curl: (6) y" + b"x" * 5_000_000 + b"\n" + MISSING.encode() + b"\n")
    assert [finding.line for finding in reading.findings] == [1, 2]
    assert reading.findings[0].text == "curl: (6) …"


@pytest.mark.parametrize("length", [470, 490, 4_000, 70_000, 900_000])
def test_a_long_line_is_never_cut_within_a_word(length: int) -> None:
    secret = "ghp_" + "S3cr3t" * 6
    for line in (f"{MISSING} {'x ' * (length // 2)}{secret} and more" + " y" * 300, "x" * length + secret + "y" * 600):
        reading = reading_of(log_of(line, "next"))
        for text in (*reading.tail, *(finding.text for finding in reading.findings)):
            assert len(text) <= log_lines.LONGEST_READABLE
            assert "ghp_S3" not in text or secret in text
        assert reading.tail[-1] == "next"


def test_findings_at_the_border_of_two_blocks_keep_their_neighbours() -> None:
    for padding in range(log_lines.BLOCK - 80, log_lines.BLOCK + 5, 3):
        raw = b"p" * padding + b"\na\nb\n" + MISSING.encode() + b"\nc\nd\ne\n"
        (finding,) = reading_of(raw).findings
        assert (finding.before, finding.after, finding.line) == (("a", "b"), ("c", "d"), 4)


def test_the_first_error_is_the_failure_in_the_step_that_failed() -> None:
    raw = log_of(
        "##[group]Run bin/prepare",
        "##[endgroup]",
        "bash: line 1: jq: command not found",
        "##[group]Run packer build",
        "##[endgroup]",
        MISSING,
        "more",
        "##[error]Process completed with exit code 1.",
        "##[group]Run bin/clean",
        "##[endgroup]",
        "curl: (6) Could not resolve host: x",
    )
    error = reading_of(raw).first_error
    assert error
    assert (error.text, error.line, error.step) == (MISSING, 6, "Run packer build")


FATAL = "    amazon-ebs.cron: fatal: [default]: FAILED! => {}"
SUMMED_UP = (
    "==> amazon-ebs.cron: Provisioning step had errors: Running the cleanup provisioner, if present...",
    "Build 'amazon-ebs.cron' errored after 3 seconds: Error executing Ansible: Non-zero exit status: exit status 2",
)


@pytest.mark.parametrize("end", [(), ("##[error]Process completed with exit code 1.",)])
def test_the_first_error_is_the_message_of_a_tool_rather_than_a_summary(end: tuple[str, ...]) -> None:
    for lines in ((FATAL, *SUMMED_UP), (SUMMED_UP[0], FATAL, SUMMED_UP[1])):
        error = reading_of(log_of("##[group]Run packer build", "##[endgroup]", *lines, *end)).first_error
        assert error
        assert error.text == FATAL
    only = reading_of(log_of(*SUMMED_UP, *end)).first_error
    assert only
    assert only.text == SUMMED_UP[0]


def test_without_a_failure_the_marked_error_shows_the_lines_before_it() -> None:
    raw = log_of("##[group]Run x", "##[endgroup]", *"abcdef", "##[error]Process completed with exit code 3.", "clean")
    error = reading_of(raw).first_error
    assert error
    assert (error.text, error.before) == ("Error: Process completed with exit code 3.", tuple("bcdef"))
    assert error.after == ("clean",)
    assert reading_of(raw, built_in=False).first_error == error


def test_the_tail_ends_at_the_last_marked_error() -> None:
    raw = log_of(
        *(f"line {n}" for n in range(50)), "##[error]it broke", "##[group]Post job", "cleaning", "##[endgroup]"
    )
    tail = reading_of(raw).tail
    assert len(tail) == TAIL
    assert tail[-2:] == ("line 49", "Error: it broke")


def test_the_tail_of_a_log_without_error_is_its_end_with_marks_as_words() -> None:
    raw = log_of("##[group]Run it", "##[debug]x", "##[warning]careful", "##[endgroup]")
    assert reading_of(raw).tail == ("Run it", "Warning: careful")


def test_images_that_packer_announces_are_found() -> None:
    raw = log_of(
        "    amazon-ebs.cron: AMI: ami-0000000000000000f",
        "--> amazon-ebs.cron: AMIs were created:",
        "eu-west-1: ami-0123456789abcdef0",
        "us-gov-west-1: ami-0123456789abcdef1",
        "",
        "us-east-1: ami-0123456789abcdef2",
    )
    expected = (("eu-west-1", "ami-0123456789abcdef0"), ("us-gov-west-1", "ami-0123456789abcdef1"))
    assert reading_of(raw).images == expected
    for padding in range(log_lines.BLOCK - 300, log_lines.BLOCK, 20):
        assert reading_of(b"p" * padding + b"\n" + raw).images == expected


def test_the_first_line_of_a_rate_limit_is_kept() -> None:
    raw = log_of("x", "RequestLimitExceeded: Request limit exceeded.", "RequestLimitExceeded again")
    reading = reading_of(raw, rate_limits=("API rate limit exceeded", "RequestLimitExceeded"))
    assert reading.rate_limited == "RequestLimitExceeded: Request limit exceeded."
    assert reading_of(raw, rate_limits=("slow down",)).rate_limited == ""
    assert reading_of(log_of("a 429 b"), rate_limits=("429",)).rate_limited == "a 429 b"


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(?:a|a)*b", r"(a|aa)+$", r"(.*a){25}b", r"^(\w+\s?)*$x"])
def test_a_pattern_on_which_backtracking_would_take_years_takes_none(pattern: str) -> None:
    reading = reading_of(log_of("a" * 4_000 + "!", MISSING, "a" * 60), configured(pattern))
    assert MISSING in [finding.text for finding in reading.findings]
    assert not reading.truncated


def test_a_reading_that_takes_too_long_says_so() -> None:
    reading = reading_of(log_of(*["line"] * 100_000), seconds=0)
    assert reading.truncated
    assert reading.findings[-1].pattern == UNREAD
    assert 0 < reading.lines < 100_000


LETTERS = "aeEr:fF0! \t\r"
ATOMS = st.sampled_from(
    ["er", "F", ":", r"\s*", r"\d", "[eE]", "[^e]", "a?", "(?:ef|ra)", "r+", ".", r"\b", "^", "$", r"\A", r"\.", "[:^]"]
)
PATTERNS = st.lists(ATOMS, min_size=1, max_size=6).map("".join)
CARRIED = [f"{carrier.example.removesuffix('text')}" for carrier in CARRIERS]
PREFIXES = st.tuples(
    st.sampled_from(["", TIME, TIME.strip(), "\ufeff" + TIME]), st.lists(st.sampled_from(CARRIED), max_size=3)
).map(lambda parts: parts[0] + "".join(parts[1]))


@given(PATTERNS, st.booleans(), st.lists(st.tuples(PREFIXES, st.text(LETTERS, max_size=30)), min_size=1, max_size=20))
def test_the_search_of_a_block_misses_no_line_that_matches(
    pattern: str, ignore_case: bool, lines: list[tuple[str, str]]
) -> None:
    expression = f"(?i){pattern}" if ignore_case else pattern
    classifier = Classifier([FailurePattern("a", expression, "a")], prefixes=[r"r\S+ "])
    block = [f"{prefix}{text}".encode() for prefix, text in lines]
    matching = {number for number, line in enumerate(block) if classifier.classify(log_lines.screens(line))}
    assert matching <= set(classifier.candidates(b"\n".join(block)))


@given(PATTERNS, st.booleans(), st.text(LETTERS.replace("\r", ""), max_size=30))
def test_re2_matches_a_line_where_pythons_re_does(pattern: str, ignore_case: bool, line: str) -> None:
    expression = f"(?i){pattern}" if ignore_case else pattern
    classifier = Classifier([FailurePattern("a", expression, "a")])
    text = line.rstrip()
    matching = any(re.search(expression, bare, re.ASCII) for bare in classifier.carriers.texts(text))
    assert (classifier.classify([text]) is not None) == matching


@given(
    st.lists(st.sampled_from([MISSING, "quiet", "x" * 300, "##[error]e", "é\u2028"]), max_size=40), st.integers(1, 700)
)
def test_how_the_log_falls_into_blocks_does_not_matter(lines: list[str], size: int) -> None:
    raw = log_of(*lines)
    whole = reading_of(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "BLOCK", size)
        assert reading_of(raw) == whole


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=40)))
def test_lines_are_counted_as_they_are(lines: list[str]) -> None:
    raw = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    reading = reading_of(raw)
    assert (reading.lines, reading.bytes) == (raw.count(b"\n"), len(raw))
