"""Launch templates: which images and snapshots their versions name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.aws.client import listed
from runners.aws.images.parameters import is_alias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client

_VERSIONS = 200  # of a template in an answer, by EC2's limit


def named_by(launched: Mapping[str, Any]) -> Iterator[str]:
    """The image, and the snapshots, that a launch specification of any kind names."""
    if launched.get("ImageId"):
        yield launched["ImageId"]
    yield from snapshots_of(launched.get("BlockDeviceMappings", ()), "Ebs", "SnapshotId")


def snapshots_of(mappings: Iterable[Mapping[str, Any]], ebs: str, key: str) -> Iterator[str]:
    """The snapshots in block device mappings; EC2 and Image Builder write these two keys differently."""
    for mapping in mappings:
        if snapshot := mapping.get(ebs, {}).get(key):
            yield snapshot


class Templates:
    """All versions of the launch templates of a region; only what names wanted ids stays in memory."""

    def __init__(self, ec2: EC2Client, wanted: Collection[str]) -> None:
        self._ec2 = ec2
        self._wanted = wanted
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._numbers: dict[tuple[str, str], str] = {}
        self._versions: dict[str, dict[str, tuple[str, ...]]] = {}

    def read(self) -> None:
        """Read all: a call for the list, and a call for every 200 versions of each template. Raises botocore's errors."""
        for template in listed(self._ec2, "describe_launch_templates", "LaunchTemplates", page=200):
            template_id, name = template["LaunchTemplateId"], template["LaunchTemplateName"]
            self._ids[name], self._names[template_id] = template_id, name
            self._numbers[template_id, "$Default"] = str(template["DefaultVersionNumber"])
            self._numbers[template_id, "$Latest"] = str(template["LatestVersionNumber"])
            self._versions[template_id] = self._read(template_id)

    def _read(self, template_id: str) -> dict[str, tuple[str, ...]]:
        images = {}
        asked: dict[str, Any] = {"LaunchTemplateId": template_id}
        for version in listed(
            self._ec2, "describe_launch_template_versions", "LaunchTemplateVersions", page=_VERSIONS, **asked
        ):
            named = named_by(version["LaunchTemplateData"])
            if wanted := tuple(each for each in named if each in self._wanted or is_alias(each)):
                images[str(version["VersionNumber"])] = wanted
        return images

    def uses(self) -> Iterator[tuple[str, str]]:
        """Each wanted id, or alias, that a version names, with a description of the version."""
        for template_id, versions in self._versions.items():
            for number, ids in versions.items():
                for identifier in ids:
                    yield identifier, f"launch template {self._names[template_id]}, version {number}"

    def named(self, specification: Mapping[str, str]) -> tuple[str, ...]:
        """The wanted ids and aliases that a version names; without a version, the default version. The template is given by id or name."""
        given = specification.get("LaunchTemplateId") or self._ids.get(specification.get("LaunchTemplateName", ""), "")
        version = specification.get("Version") or "$Default"
        return self._versions.get(given, {}).get(self._numbers.get((given, version), version), ())

    def of_configs(self, configs: Iterable[Mapping[str, Any]]) -> set[str]:
        """What the launch template configurations of a fleet name."""
        images: set[str] = set()
        for config in configs:
            images.update(self.named(config.get("LaunchTemplateSpecification", {})))
            images.update(*map(named_by, config.get("Overrides", ())))
        return images
