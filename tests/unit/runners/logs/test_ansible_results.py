"""What a tool printed is found in Ansible's results, in each form in which Ansible prints them."""

from __future__ import annotations

import io
import json
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, strategies as st

from runners.logs import lines as log_lines
from runners.logs.failure_patterns import BUILT_IN, configured
from runners.logs.patterns import CERTAIN, STRONG, WEAK
from runners.logs.scan import scan_file

if TYPE_CHECKING:
    from runners.results import LogReading

MISSING = "configure.sh: line 41: composer: command not found"
TASK = "TASK [php : Configure the machine] *********"
RESULT: dict[str, Any] = {
    "changed": True,
    "cmd": "./configure.sh",
    "rc": 0,
    "stderr": MISSING,
    "stderr_lines": [MISSING],
    "stdout": "reading\nwriting",
    "stdout_lines": ["reading", "writing"],
}
PREFIXES = ["", "    amazon-ebs.cron: ", "2026-11-23T12:00:00.1234567Z     amazon-ebs.cron: ", "err: "]


def one_line(result: dict[str, Any], state: str = "changed: [default]") -> list[str]:
    return [f"{state} => {json.dumps(result)}"]


def several_lines(result: dict[str, Any], state: str = "changed: [default]") -> list[str]:
    return f"{state} => {json.dumps(result, indent=4)}".splitlines()


def in_yaml(result: dict[str, Any], state: str = "changed: [default]") -> list[str]:
    """As with `callback_result_format = yaml`."""
    return [f"{state} => ", *textwrap.indent(yaml.safe_dump(result, width=1000), "    ").splitlines()]


def of_the_yaml_callback(result: dict[str, Any], state: str = "changed: [default]") -> list[str]:
    """As the callback `community.general.yaml` prints it: texts of several lines as blocks, no list of their lines."""
    lines = [f"{state} => changed={str(result['changed']).lower()} "]
    for key, value in result.items():
        if isinstance(value, str) and "\n" in value:
            lines += [f"  {key}: |-", *(f"    {line}" for line in value.splitlines())]
        elif key != "changed":
            lines.append(f"  {key}: <omitted>" if isinstance(value, list) else f"  {key}: {yaml_scalar(value)}")
    return lines


def yaml_scalar(value: object) -> str:
    return yaml.safe_dump(value, width=1000).removesuffix("\n").removesuffix("\n...")


FORMS = [one_line, several_lines, in_yaml, of_the_yaml_callback]


def reading_of(lines: list[str], prefix: str = "") -> LogReading:
    return scan_file(io.BytesIO("".join(f"{prefix}{line}".rstrip() + "\n" for line in lines).encode()), BUILT_IN)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("form", FORMS)
def test_a_line_of_a_tool_in_a_result_is_judged_by_itself(form: Any, prefix: str) -> None:
    reading = reading_of([TASK, *form(RESULT), "", "TASK [next] ***", "ok: [default]"], prefix)
    (finding,) = reading.findings
    assert (finding.pattern, finding.text) == ("shell: command not found", MISSING)
    assert finding.step is not None
    assert finding.step.endswith("TASK [php : Configure the machine]")
    assert (finding.line, finding.weight) == (2, STRONG)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_result_says_of_itself_is_no_output(form: Any) -> None:
    result = RESULT | {"cmd": MISSING, "stderr": "", "stderr_lines": [], "delta": "0:00:00.1"}
    assert reading_of([TASK, *form(result)]).findings == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_module_that_runs_no_program_of_the_play_judges_its_output_itself(form: Any) -> None:
    result = {key: value for key, value in RESULT.items() if key != "rc"}
    assert reading_of([TASK, *form(result)]).findings == ()


@pytest.mark.parametrize("form", FORMS)
def test_an_exit_code_that_the_task_ignores_makes_its_lines_weak(form: Any) -> None:
    (finding,) = reading_of([TASK, *form(RESULT | {"rc": 127})]).findings
    assert finding.weight == WEAK


@pytest.mark.parametrize("form", FORMS)
def test_a_failed_task_shows_the_line_of_the_tool_as_its_cause(form: Any) -> None:
    failed = RESULT | {"rc": 127, "msg": "non-zero return code"}
    reading = reading_of([TASK, *form(failed, "fatal: [default]: FAILED!"), "next"])
    assert [finding.pattern for finding in reading.findings] == ["shell: command not found", "ansible: failed task"]
    assert reading.findings[1].text.startswith("fatal: [default]: FAILED! =>")
    assert "non-zero return code" in reading.findings[1].text
    assert reading.first_error
    assert reading.first_error.text == MISSING


@pytest.mark.parametrize("form", FORMS)
def test_errors_that_a_task_ignores_are_weak(form: Any) -> None:
    failed = form(RESULT | {"rc": 127}, "fatal: [default]: FAILED!")
    findings = reading_of(
        [TASK, *failed, "...ignoring", *one_line(RESULT | {"stderr_lines": ["E: Unable to locate package x"]})]
    )
    assert [finding.weight for finding in findings.findings] == [0, WEAK, STRONG]


@pytest.mark.parametrize(
    "line",
    [
        f'ok: [default] => {{"build.stderr_lines": ["{MISSING}"]}}',
        f'ok: [default] => {{"msg": "{MISSING}"}}',
        f'ok: [default] => {{"changed": false, "msg": ["a", "{MISSING}"]}}',
        f'ok: [default] => {{"out": {{"rc": 0, "stdout_lines": [], "stderr": "{MISSING}"}}, "changed": false}}',
        f'changed: [default] => {{"results": [{{"rc": 0, "stdout": "a\\nerr: {MISSING}"}}], "changed": true}}',
        f'changed: [default] => (item={{"a": 1}}) => {{"rc": 0, "stdout_lines": ["\\u001b[31m{MISSING}\\u001b[0m"]}}',
    ],
)  # fmt: skip
def test_results_of_debug_and_of_loops_are_taken_apart(line: str) -> None:
    (finding,) = reading_of([line]).findings
    assert finding.pattern == "shell: command not found"


@pytest.mark.parametrize("size", [50_000, 400_000])
def test_a_long_result_is_read_whole_and_a_longer_one_as_far_as_it_goes(size: int) -> None:
    filler = ["reading package lists"] * (size // 25)
    for lines in ([*filler, MISSING], [MISSING, *filler * 10]):
        (finding,) = reading_of(one_line(RESULT | {"stderr_lines": [], "stdout_lines": lines, "stdout": ""})).findings
        assert finding.text == MISSING


def test_one_strong_finding_or_weak_ones_of_several_patterns_make_a_job_suspect() -> None:
    weak = ["curl: (6) Could not resolve: retrying", "Error: skipped it", "fatal: ignoring this repository"]
    assert [reading_of(weak[:number] * 5).weight for number in (1, 2, 3)] == [WEAK, 2 * WEAK, 3 * WEAK]
    assert [reading_of(weak[:number]).suspect for number in (0, 1, 2, 3)] == [False, False, False, True]
    assert reading_of([MISSING]).suspect
    assert not replace(reading_of([MISSING]), threshold=STRONG + 1).suspect
    assert replace(reading_of([MISSING, *weak[:1]]), threshold=STRONG + 1).suspect


def test_a_log_that_was_not_read_to_its_end_is_suspect_whatever_the_threshold() -> None:
    assert replace(reading_of([]), truncated=True, threshold=100).suspect


def test_a_pattern_of_the_configuration_makes_a_job_suspect_whatever_the_threshold() -> None:
    reading = scan_file(io.BytesIO(b"migration 7 skipped"), [configured("migration .* skipped")])
    assert replace(reading, threshold=100).suspect
    also = scan_file(io.BytesIO(b"curl: (6) migration 7 skipped"), [*BUILT_IN, configured("migration .* skipped")])
    assert replace(also, threshold=100).suspect
    assert also.findings[0].pattern == "configured: migration .* skipped"
    named = scan_file(io.BytesIO(b"curl: (6) migration 7 failed"), [*BUILT_IN, configured("migration .* failed")])
    assert (named.findings[0].pattern, named.findings[0].weight) == ("curl: curl failed", CERTAIN)


def test_a_result_without_end_is_judged_at_the_end_of_the_log() -> None:
    assert [finding.text for finding in reading_of(several_lines(RESULT)[:-3]).findings] == [MISSING]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)


@given(
    st.lists(TEXTS | st.just(MISSING), max_size=5),
    st.lists(TEXTS | st.just(MISSING), max_size=5),
    st.sampled_from(FORMS[:3]),
    st.sampled_from(PREFIXES),
    st.integers(5, 700),
)
def test_as_many_lines_are_found_as_are_in_the_result(
    stdout: list[str], stderr: list[str], form: Any, prefix: str, block: int
) -> None:
    result = {"changed": True, "rc": 0, "stdout_lines": stdout, "stderr_lines": stderr}
    lines = [TASK, *form(result), "TASK [next] ***"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "BLOCK", block)
        reading = reading_of(lines, prefix)
    expected = MISSING in (*stdout, *stderr)
    assert any(finding.text == MISSING for finding in reading.findings) == expected
