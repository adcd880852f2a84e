"""AWS for the sandbox."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AwsHandle:
    """Where AWS is: AWS_ENDPOINT_URL and the region."""

    url: str
    region: str
