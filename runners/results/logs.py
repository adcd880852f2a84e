"""What one pass over a job's log finds."""

from __future__ import annotations

from dataclasses import dataclass

from runners.stored import stored


@stored("log-excerpt")
@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """A line of a log with those around it, without timestamps and colours. `line` counts from 1.

    `step` is the heading of the group it was printed under ("Run packer build ..."), None where there is none.
    """

    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None


@stored("log-finding")
@dataclass(frozen=True, slots=True)
class LogFinding:
    """A sign of failure in a log: `sign` says which; the same line again only adds to `times`.

    A log that could not be read to its end is itself a finding, with `line` 0 or the line where reading stopped.
    """

    sign: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None
    times: int = 1


@stored("log-reading")
@dataclass(frozen=True, slots=True)
class LogReading:
    """What one pass over a job's log found. Its texts are foreign and not yet redacted: redact, then keep or cut.

    `lines` and `bytes` are what was read; `cut` when that was not all. `findings` are the first different ones,
    `found` counts all lines with a sign. `first_error` tells best why a job failed; `tail` are the last lines,
    those up to the last error that GitHub marked where there is one. `images` are pairs of region and AMI id that
    Packer announced; `rate_limited` the first line with one of the words that mean "try again", empty without.
    """

    lines: int = 0
    bytes: int = 0
    findings: tuple[LogFinding, ...] = ()
    found: int = 0
    cut: bool = False
    first_error: LogExcerpt | None = None
    tail: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    rate_limited: str = ""

    @property
    def suspect(self) -> bool:
        """Whether a job that ended well should not be trusted."""
        return bool(self.findings)
