"""EC2 Image Builder: which images and snapshots its recipes start from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from runners.aws.client import listed
from runners.aws.images.parameters import ALIAS
from runners.aws.images.templates import snapshots_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runners.aws.client import Account

_PAGE = 100
_SSM = "ssm:"
_IMAGE_ARN = re.compile(r"^arn:[\w-]+:imagebuilder:[\w-]*:(?P<owner>[\w-]+):image/(?P<name>[^/]+)/")
_MARKETPLACE = re.compile(r"^(?:prod-\w+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
_ACCOUNT = re.compile(r"^\d{12}$")  # else Amazon, or a vendor of the Marketplace

# A version of a recipe never changes, so that each is read once: by its ARN, and the time when it was created.
_Details = dict[tuple[str, str], "Recipe"]
_details: WeakKeyDictionary[Account, _Details] = WeakKeyDictionary()


class UnknownParentError(Exception):
    """A recipe names its image in a way that this version of Signalbox does not know."""


class Recipe(NamedTuple):
    """What a version of a recipe starts from: an image's id, an ARN, a parameter, or a product; and its snapshots."""

    parent: str
    snapshots: tuple[str, ...]


def uses(account: Account, region: str) -> Iterator[tuple[str, str]]:
    """Each image, snapshot or alias that a recipe starts from, with the recipe and the first pipeline that runs it.

    Raises botocore's errors; after the last recipe UnknownParentError.
    """
    builder = account.client("imagebuilder", region)
    pipelines, built = _pipelines(builder), _Built(account, region)
    unknown = ""
    for arn, user, recipe in _recipes(account, builder, pipelines):
        described = user + "".join(f" of pipeline {name}" for name in pipelines.get(arn, ())[:1])
        if _is_unknown(recipe.parent):
            unknown = f"{described} starts from {recipe.parent}"
        for identifier in (*_images(built, recipe.parent), *recipe.snapshots):
            yield identifier, described
    if unknown:
        raise UnknownParentError(unknown)


def _pipelines(builder: Any) -> dict[str, list[str]]:
    """The names of the pipelines by the ARN of their recipe."""
    names: dict[str, list[str]] = {}
    for pipeline in listed(builder, "list_image_pipelines", "imagePipelineList", page=_PAGE):
        arn = pipeline.get("imageRecipeArn") or pipeline.get("containerRecipeArn")
        if arn:
            names.setdefault(arn, []).append(pipeline["name"])
    return names


def _recipes(account: Account, builder: Any, pipelines: Mapping[str, object]) -> Iterator[tuple[str, str, Recipe]]:
    """The ARN, a description, and the content of each recipe: the account's own, and those that its pipelines share."""
    summaries = {
        recipe["arn"]: recipe
        for operation, key in (
            ("list_image_recipes", "imageRecipeSummaryList"),
            ("list_container_recipes", "containerRecipeSummaryList"),
        )
        for recipe in listed(builder, operation, key, page=_PAGE, owner="Self")
    }
    stored = _details.setdefault(account, {})
    for arn in (*summaries, *(arn for arn in pipelines if arn not in summaries)):
        container = ":container-recipe/" in arn
        version = (arn, str(summaries.get(arn, {}).get("dateCreated", "")))
        recipe = stored.get(version) or (_container(builder, arn) if container else _image(builder, arn))
        if version[1]:
            stored[version] = recipe
        kind = "container recipe" if container else "recipe"
        yield arn, f"Image Builder {kind} {arn.partition('recipe/')[2]}", recipe


def _image(builder: Any, arn: str) -> Recipe:
    recipe = builder.get_image_recipe(imageRecipeArn=arn)["imageRecipe"]
    return Recipe(recipe.get("parentImage", ""), _snapshots(recipe))


def _container(builder: Any, arn: str) -> Recipe:
    # The parentImage of a container recipe is a container's image; its instance has an image of EC2.
    instance = builder.get_container_recipe(containerRecipeArn=arn)["containerRecipe"].get("instanceConfiguration", {})
    return Recipe(instance.get("image", ""), _snapshots(instance))


def _snapshots(of: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(snapshots_of(of.get("blockDeviceMappings", ()), "ebs", "snapshotId"))


def _is_unknown(parent: str) -> bool:
    supported = parent.startswith(("ami-", _SSM)) or _IMAGE_ARN.match(parent) or _MARKETPLACE.match(parent)
    return bool(parent) and not supported


def _images(built: _Built, parent: str) -> Iterator[str]:
    """The images, or the alias, that a recipe's parent stands for; none for what is never an image of the account."""
    if parent.startswith("ami-"):
        yield parent
    elif parent.startswith(_SSM):
        yield f"{ALIAS}{parent.removeprefix(_SSM)}"
    elif (named := _IMAGE_ARN.match(parent)) and _ACCOUNT.match(named["owner"]):
        yield from built.images(named["owner"], named["name"])


class _Built:
    """What Image Builder made in a region, read when a recipe asks for it."""

    def __init__(self, account: Account, region: str) -> None:
        self._account, self._region = account, region
        self._builder = account.client("imagebuilder", region)
        self._versions: dict[str, list[str]] = {}
        self._images: dict[str, list[str]] = {}

    def images(self, owner: str, name: str) -> Iterator[str]:
        """The images of that name in all versions, as a recipe may ask for the newest version by `x`."""
        shared = "Self" if owner == self._account.number() else "Shared"
        if shared not in self._versions:
            listing = listed(
                self._builder, "list_images", "imageVersionList", page=_PAGE, owner=shared, includeDeprecated=True
            )
            self._versions[shared] = [version["arn"] for version in listing]
        for arn in self._versions[shared]:
            named = _IMAGE_ARN.match(arn)
            if named and (named["owner"], named["name"]) == (owner, name):
                yield from self._of_version(arn)

    def _of_version(self, arn: str) -> list[str]:
        if arn not in self._images:
            self._images[arn] = [
                image["image"]
                for build in listed(
                    self._builder, "list_image_build_versions", "imageSummaryList", page=_PAGE, imageVersionArn=arn
                )
                for image in build.get("outputResources", {}).get("amis", ())
                if image.get("region") == self._region and image.get("image")
            ]
        return self._images[arn]
