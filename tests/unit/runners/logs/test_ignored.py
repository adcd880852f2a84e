"""Lines whose exit code a script ignores on purpose are weak findings."""

from __future__ import annotations

import io

import pytest

from runners.logs.failure_patterns import BUILT_IN, configured
from runners.logs.patterns import CERTAIN, STRONG, WEAK
from runners.logs.scan import scan_file

MISSING = "x.sh: line 3: composer: command not found"


def weights_of(*lines: str) -> list[int]:
    reading = scan_file(io.BytesIO("\n".join(lines).encode()), BUILT_IN)
    return [finding.weight for finding in reading.findings]


@pytest.mark.parametrize("prefix", ["", "    amazon-ebs.cron: ", "2026-11-23T12:00:00.1234567Z #9 0.581 "])
@pytest.mark.parametrize("trace", ["+ true", "+ :", "++ true"])
def test_a_command_that_true_follows_is_weak(trace: str, prefix: str) -> None:
    assert weights_of(f"{prefix}+ composer install", prefix + MISSING, prefix + trace) == [WEAK]


def test_what_another_command_printed_stays_strong() -> None:
    assert weights_of(MISSING, "+ echo done", "done", "+ ls", "a", "+ true") == [STRONG]
    assert weights_of(MISSING, "+ x", "y", "z", MISSING, "+ true") == [STRONG]
    assert weights_of(MISSING, "+ true-colours") == [STRONG]


@pytest.mark.parametrize(
    ("heading", "weight"),
    [
        ("#9 [4/7] RUN composer install || true", WEAK),
        ("#9 [build 4/7] RUN a && composer install || :", WEAK),
        ("#9 [4/7] RUN composer install", STRONG),
        ("#9 [4/7] RUN composer install; ls || true", STRONG),
        ("#8 [4/7] RUN composer install || true", STRONG),
    ],
)
def test_a_step_of_a_dockerfile_that_ignores_its_exit_code_is_weak(heading: str, weight: int) -> None:
    assert weights_of(heading, f"#9 0.581 {MISSING}") == [weight]


@pytest.mark.parametrize("text", ["curl: (7) refused, retrying", "Retryable error: ssh: handshake failed: EOF"])
def test_what_is_tried_again_is_weak(text: str) -> None:
    assert weights_of(text) == [WEAK]


def test_a_pattern_of_the_configuration_counts_all_the_same() -> None:
    log = io.BytesIO(f"#9 [4/7] RUN composer install || true\n#9 0.581 {MISSING}\n+ true\n".encode())
    (finding,) = scan_file(log, [configured("composer: command")]).findings
    assert finding.weight == CERTAIN


TASK = "TASK [Stop the old daemon] *********"
ANNOUNCED = [
    "[ERROR]: Task failed: Module failed: non-zero return code",
    "Origin: /srv/play.yml:4:7",
    "",
]
FAILED = (
    'fatal: [default]: FAILED! => {"changed": true, "msg": "non-zero return code", "rc": 3, "stderr_lines": '
    '["x.sh: line 3: composer: command not found", "E: Unable to locate package x", "cp: cannot stat \'a\': No such file or directory"]}'
)
RECAP = "default : ok=3    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored="


def weight_of(*lines: str) -> int:
    return scan_file(io.BytesIO("\n".join(lines).encode()), BUILT_IN).weight


@pytest.mark.parametrize("prefix", ["", "    amazon-ebs.cron: "])
@pytest.mark.parametrize("announced", [ANNOUNCED, []])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_tasks_that_ignore_errors_are_weak_together(times: int, announced: list[str], prefix: str) -> None:
    lines = [*[TASK, *announced, FAILED, "...ignoring", ""] * times, f"{RECAP}{times}"]
    assert weight_of(*(prefix + line for line in lines)) == WEAK
    assert weight_of(*(prefix + line for line in [*lines, TASK, *announced, FAILED])) >= STRONG


def test_a_recap_of_ignored_errors_is_weak_where_no_task_shows_them() -> None:
    assert weight_of(f"{RECAP}2") == WEAK
