"""The images that belong to an account itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.aws.client import filters, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client

_PAGE = 500


def own_images(ec2: EC2Client, named: Mapping[str, Iterable[str]]) -> Iterator[Any]:
    """The account's own images, also disabled ones, page by page.

    EC2 lists deregistered images for some time: they are omitted.
    """
    more: Any = {"Owners": ["self"], "IncludeDisabled": True, "IncludeDeprecated": True}
    images = listed(ec2, "describe_images", "Images", page=_PAGE, Filters=filters(named), **more)
    return (image for image in images if image.get("State") != "deregistered")
