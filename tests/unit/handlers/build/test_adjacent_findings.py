"""Lines of a log that report the same failure are one warning."""

from __future__ import annotations

from dataclasses import replace

from handlers.build import job_images
from runners.results import LogFinding


def test_lines_of_one_sign_that_follow_each_other_are_one_finding() -> None:
    lines = ["npm error code E", "npm error more", "npm error log", "Stopping"]

    def finding(number: int, sign: str = "npm: npm error") -> LogFinding:
        before = tuple(lines[max(0, number - 2) : number])
        return LogFinding(sign, 35 + number, lines[number], before, tuple(lines[number + 1 : number + 3]))

    (item,) = job_images.merge_adjacent([finding(1), finding(0), finding(2)])
    assert (item.line, item.text, item.after, item.times) == (35, lines[0], tuple(lines[1:]), 3)
    assert len(job_images.merge_adjacent([finding(0), finding(2, "apt: other")])) == 2
    far = replace(finding(2), line=90)
    assert [result.line for result in job_images.merge_adjacent([finding(0), far])] == [35, 90]
