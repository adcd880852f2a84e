"""Users of images, or of their snapshots, in a region: what runs from them, and what could launch them again.

Each reading is independent: what cannot be read is reported, and then no image counts as unused. EC2's own
DescribeImageReferences takes ten ids a call, and knows no snapshots, fleets, Auto Scaling groups or backups.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners import phrases
from runners.aws.client import explained, unreadable_part
from runners.aws.images import backups, image_builder, launches, parameters, recycle_bin
from runners.aws.images.templates import Templates
from runners.results import RecycleBin, Unreadable, What

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from runners.aws.client import Account
    from runners.aws.images.launches import Uses
    from runners.results import Recycled, RecycleRule

_NAMED = 5  # users that are named; the others are counted


@dataclass
class Users:
    """The users of an image: the first few by name, and their number."""

    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, user: str) -> None:
        """Add a user."""
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(user)

    def __str__(self) -> str:
        return phrases.listed_of(self.named, self.count)


@dataclass
class Usage:
    """The users of the wanted ids; if something is in `unreadable`, there may be others.

    `vaults` has the vault of AWS Backup that owns an image, by the image's id; `bin` is the region's Recycle Bin.
    """

    users: Mapping[str, Users]
    unreadable: tuple[Unreadable, ...]
    vaults: Mapping[str, str] = field(default_factory=dict)
    bin: RecycleBin = field(default_factory=RecycleBin)


def read_usage(account: Account, region: str, wanted: Collection[str]) -> Usage:
    """The users of the images and snapshots of these ids. Blocks; memory grows with the wanted ids, not with the account."""
    reader = _Reader(account, region, wanted)
    reader.read_all()
    recycled = RecycleBin(tuple(reader.recycled), tuple(reader.rules))
    return Usage(reader.users, tuple(reader.missing), reader.vaults, recycled)


class _Reader:
    """Reads each kind of user independently, and collects what cannot be read."""

    def __init__(self, account: Account, region: str, wanted: Collection[str]) -> None:
        self._account, self._region, self._wanted = account, region, wanted
        self._images = {identifier for identifier in wanted if identifier.startswith("ami-")}
        self._aliases: dict[str, list[str]] = {}
        self.users: defaultdict[str, Users] = defaultdict(Users)
        self.missing: list[Unreadable] = []
        self.vaults: dict[str, str] = {}
        self.recycled: list[Recycled] = []
        self.rules: list[RecycleRule] = []

    def read_all(self) -> None:
        """Read all kinds of users."""
        ec2, scaling = self._account.ec2(self._region), self._account.client("autoscaling", self._region)
        ssm = self._account.client("ssm", self._region)
        templates = Templates(ec2, self._wanted)
        configurations: dict[str, list[str]] = {}
        self._read("launch templates", templates.read)
        read = partial(launches.configurations, scaling, self._wanted)
        self._read("launch configurations", lambda: configurations.update(read()))
        self._read_images()
        self._note("Auto Scaling groups", lambda: launches.scaling_groups(scaling, templates, configurations))
        self._note("spot fleets", lambda: launches.spot_fleets(ec2, templates))
        self._note("EC2 fleets", lambda: launches.fleets(ec2, templates))
        self._note("spot requests", lambda: launches.spot_requests(ec2))
        self._note("Image Builder recipes", lambda: image_builder.uses(self._account, self._region))
        # After the resources that launch from them, which are better descriptions.
        self._note("launch templates", templates.uses)
        self._note("launch configurations", lambda: launches.of_configurations(configurations))
        self._read_bin()
        if self._aliases:
            self._read("SSM parameters that name images", partial(self._resolve, ssm))

    def _read_images(self) -> None:
        """Read what uses images only, and never a snapshot."""
        if not self._images:
            return
        ec2 = self._account.ec2(self._region)
        ssm, backup = self._account.client("ssm", self._region), self._account.client("backup", self._region)
        self._note("instances", lambda: launches.instances(ec2, self._images))
        self._note("SSM parameters of images", lambda: parameters.of_image_type(ssm))
        owned = partial(backups.recovery_points, backup)
        self._read("AWS Backup's recovery points", lambda: self.vaults.update(owned()))

    def _read_bin(self) -> None:
        ec2, region = self._account.ec2(self._region), self._region
        images, snapshots = partial(recycle_bin.images, ec2, region), partial(recycle_bin.snapshots, ec2, region)
        self._read("images in the Recycle Bin", lambda: self.recycled.extend(images()))
        self._read("snapshots in the Recycle Bin", lambda: self.recycled.extend(snapshots()))
        rules = partial(recycle_bin.rules, self._account, region)
        self._read("the Recycle Bin's rules", lambda: self.rules.extend([*rules(What.IMAGE), *rules(What.SNAPSHOT)]))

    def _read(self, what: str, ask: Callable[[], object]) -> None:
        try:
            ask()
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            self.missing.append(unreadable_part(explained(error, f"reading {what}"), self._region, what))
        except image_builder.UnknownParentError as error:
            problem = f"{error}, which this version of Signalbox does not know"
            self.missing.append(Unreadable(self._region, what, problem, "Delete the recipe, or update Signalbox."))

    def _note(self, what: str, uses: Callable[[], Uses]) -> None:
        def note() -> None:
            for identifier, user in uses():
                self._add(identifier, user)

        self._read(what, note)

    def _add(self, identifier: str, user: str) -> None:
        if parameters.is_alias(identifier):
            self._aliases.setdefault(identifier, []).append(user)
        elif identifier in self._wanted:
            self.users[identifier].add(user)

    def _resolve(self, ssm: Any) -> None:
        images = parameters.resolve(ssm, self._aliases)
        for alias, users in self._aliases.items():
            for user in users:
                if alias in images:
                    self._add(images[alias], f"{user} by SSM parameter {alias.removeprefix(parameters.ALIAS)}")
            if alias not in images:
                self.missing.append(parameters.alias_unread(self._region, alias, users[0]))
