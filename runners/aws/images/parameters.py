"""Parameters of Systems Manager that name images: those of the type for images, and those that others refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.aws.client import listed
from runners.results import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ALIAS = "resolve:ssm:"
_IMAGE_TYPE = "aws:ec2:image"
_PAGE = 50  # parameters in an answer, by the API's limit
_BATCH = 10  # parameters in a call of GetParameters, by the API's limit
_AMAZONS = "/aws/service/"  # reserved: public parameters, which name images of Amazon and of vendors


def is_alias(image: str) -> bool:
    """Whether an image is named by an SSM parameter instead of its id."""
    return image.startswith(ALIAS)


def alias_unread(region: str, alias: str, user: str) -> Unreadable:
    """An image that is unknown, as its parameter has no value that can be read."""
    parameter = alias.removeprefix(ALIAS)
    return Unreadable(
        region,
        user,
        f"it names its image by the SSM parameter {parameter}, which does not exist here",
        f"Create the parameter {parameter}, or delete what names it.",
    )


def of_image_type(ssm: Any) -> Iterator[tuple[str, str]]:
    """The image that each parameter of the type aws:ec2:image names, and a description of the parameter."""
    asked = [{"Key": "DataType", "Option": "Equals", "Values": [_IMAGE_TYPE]}]
    described = listed(ssm, "describe_parameters", "Parameters", page=_PAGE, ParameterFilters=asked)
    names = [parameter["Name"] for parameter in described if parameter.get("DataType") == _IMAGE_TYPE]
    for batch in _batches(names):
        for parameter in ssm.get_parameters(Names=batch)["Parameters"]:
            yield parameter["Value"], f"SSM parameter {parameter['Name']}"


def resolve(ssm: Any, aliases: Iterable[str]) -> dict[str, str]:
    """The image of each alias `resolve:ssm:NAME`, empty for a public parameter; an alias without a value is absent.

    NAME may be an ARN, and may end in a version or a label, as in EC2's launch templates.
    """
    by_name = {alias.removeprefix(ALIAS): alias for alias in aliases}
    images = {alias: "" for name, alias in by_name.items() if _is_amazons(name)}
    for batch in _batches(name for name, alias in by_name.items() if alias not in images):
        asked = {_without_selector(name): name for name in batch}
        for parameter in ssm.get_parameters(Names=batch)["Parameters"]:
            for identifier in (parameter["Name"], parameter.get("ARN", "")):
                if identifier in asked:
                    images[by_name[asked[identifier]]] = parameter["Value"]
    return images


def _is_amazons(name: str) -> bool:
    return name.startswith(_AMAZONS) or (name.startswith("arn:") and f"::parameter{_AMAZONS}" in name)


def _batches(names: Iterable[str]) -> list[list[str]]:
    """The names in batches for GetParameters, each parameter at most once in a batch, as an answer may not say which version it is."""
    batches: list[dict[str, str]] = []
    for name in names:
        base = _without_selector(name)
        fitting = (batch for batch in batches if base not in batch and len(batch) < _BATCH)
        batch = next(fitting, None)
        if batch is None:
            batch = {}
            batches.append(batch)
        batch[base] = name
    return [list(batch.values()) for batch in batches]


def _without_selector(name: str) -> str:
    # The colons of an ARN stand before the parameter's name, which has none.
    before, parameter, after = name.partition(":parameter/")
    return f"{before}{parameter}{after.partition(':')[0]}" if parameter else name.partition(":")[0]
