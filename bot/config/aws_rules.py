"""Rules about AWS: whatever asks it needs `aws`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.document import keys_of
from bot.config.secret_rules import needs_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Keys = tuple[str | int, ...]
    AddFault = Callable[[Keys, str], None]

_PROBLEM = "needs AWS; add aws.region"


def check(top: Mapping[str, object], environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add a fault for each key that needs AWS, where the configuration names none."""
    if top.get("aws") is not None:
        return
    for keys in _needing(top, environments):
        add_fault(keys, _PROBLEM)


def _needing(top: Mapping[str, object], environments: Mapping[str, object]) -> Iterator[Keys]:
    if top.get("images") is not None:
        yield ("images",)
    if keys_of(top.get("watch")).get("builders") is not None:
        yield ("watch", "builders")
    if needs_aws(keys_of(top.get("secrets"))):
        yield ("secrets",)
    if str(keys_of(top.get("operations")).get("artifacts")).startswith("s3:"):
        yield ("operations", "artifacts")
    destinations = keys_of(keys_of(top.get("audit")).get("anchor")).get("to")
    for place, destination in enumerate(destinations if isinstance(destinations, list | tuple) else ()):
        bucket = keys_of(destination).get("s3")
        if bucket is not None and keys_of(bucket).get("region") is None:
            yield ("audit", "anchor", "to", place, "s3")
    for name, values in environments.items():
        for keys in _of_environment(keys_of(values)):
            yield ("environments", name, *keys)


def _of_environment(values: Mapping[str, object]) -> Iterator[Keys]:
    if values.get("aws") is not None:
        yield ("aws",)
    ansible = keys_of(values.get("deploy")).get("ansible")
    if ansible is not None and keys_of(ansible).get("inventory") is None:
        yield ("deploy", "ansible")
    elif keys_of(keys_of(ansible).get("ssh")).get("session_manager") is True:
        yield ("deploy", "ansible", "ssh", "session_manager")
    if keys_of(values.get("terraform")).get("aws_profile") is not None:
        yield ("terraform", "aws_profile")
