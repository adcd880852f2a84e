"""Results of a scan of a job's log."""

from __future__ import annotations

from dataclasses import dataclass

from runners.stored import stored


@stored("log-excerpt")
@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """A line of a log with those around it, without timestamps and colours. `line` counts from 1.

    `step` is the heading of the group that contains the line ("Run packer build ..."); None without a group.
    """

    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None


@stored("log-finding")
@dataclass(frozen=True, slots=True)
class LogFinding:
    """A line that matches a failure pattern, named by `pattern`; `times` counts equal lines.

    `weight` says how likely it is a failure: 3 for a strong finding, 1 for a weak one. A line in a result of Ansible has
    the task in `step`.

    A log that was not read to its end has a finding as well, with `line` 0 or the line where reading stopped.
    """

    pattern: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None
    times: int = 1
    weight: int = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause of a failure: its name ("disk full"), a clause ("the disk is full"), and the next step in sentences; plain text."""

    name: str
    likely: str
    then: str

    @property
    def text(self) -> str:
        """The cause and the next step in sentences, plain text."""
        return f"Likely cause: {self.likely}. {self.then}"


@stored("log-reading")
@dataclass(frozen=True, slots=True)
class LogReading:
    """The result of a scan of a job's log. Its texts are foreign: redact them before you store or cut them.

    `lines` and `bytes` are what was read; `truncated` if that was not the whole log. `findings` are the first different
    ones, `matches` counts all lines that match. `first_error` is the likely cause of a failed job; `tail` the last lines,
    up to the last error that GitHub marked if there is one. `images` are pairs of region and AMI id that Packer
    announced; `rate_limited` is the first line with a text that means "try again", or empty. A job is suspect from a `weight` of `threshold` (`images.suspect_weight`).
    """

    lines: int = 0
    bytes: int = 0
    findings: tuple[LogFinding, ...] = ()
    matches: int = 0
    truncated: bool = False
    first_error: LogExcerpt | None = None
    tail: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    rate_limited: str = ""
    threshold: int = 3

    @property
    def weight(self) -> int:
        """The sum of the weights of the findings; of those of one pattern only the greatest counts."""
        weights: dict[str, int] = {}
        for finding in self.findings:
            weights[finding.pattern] = max(weights.get(finding.pattern, 0), finding.weight)
        return sum(weights.values())

    @property
    def suspect(self) -> bool:
        """Whether a job that ended well should not be trusted."""
        return self.truncated or self.weight >= self.threshold
