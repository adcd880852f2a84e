"""Decides whether images can be deleted; without input or output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runners import phrases
from runners.aws.client import PROTECTION_TAG, tags_of
from runners.results import AssessedImage, Retention

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from runners.aws.images.other_accounts import OtherAccount
    from runners.aws.images.usage import Usage
    from runners.results import KeepRule, Unreadable

BACKUP = "a backup of AWS Backup: delete its recovery point there"
_BACKUP_TAG = "aws:backup:source-resource"  # reserved: nobody but AWS can set or remove it
_BUILDER_TAG = "Ec2ImageBuilderArn"
_UNPROTECTED = "disabled"
NEWEST = "the newest one: Terraform's most_recent would pick it"


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """What decides about images: the rule of the configuration, and the time.

    `references` says what else needs an image, by its id ("named in the plan #12"). `other_accounts` are the other accounts and
    regions whose environments may use an image or its copies; sharing with the accounts `harmless_shares` keeps no image.
    """

    keep: KeepRule
    references: Mapping[str, str]
    now: datetime
    other_accounts: tuple[OtherAccount, ...] = ()
    harmless_shares: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Protection:
    """What protects an image: the tag signalbox:keep, EC2's deregistration protection, or the service that made it.

    `by_ec2` is EC2's value ("enabled-with-cooldown"), `managed` says what to do in the service; both empty without.
    """

    by_tag: bool = False
    by_ec2: str = ""
    managed: str = ""


def protection_of(answer: Mapping[str, Any]) -> Protection:
    """The protection of an image as DescribeImages answers it."""
    tags, state = tags_of(answer), str(answer.get("DeregistrationProtection", _UNPROTECTED))
    made_as = tags.get(_BUILDER_TAG, "")
    managed = BACKUP if _BACKUP_TAG in tags else ""
    if made_as:
        managed = (
            f"Image Builder made it as {made_as.rpartition(':image/')[2] or made_as}: delete it there. "
            f"If it does not exist there any more, remove the tag {_BUILDER_TAG}"
        )
    return Protection(PROTECTION_TAG in tags, "" if state == _UNPROTECTED else state, managed)


def assess(
    images: Iterable[tuple[AssessedImage, Protection]],
    rules: RetentionRules,
    *,
    usage: Usage,
) -> list[AssessedImage]:
    """The images of a group and region with their retention, the newest first.

    Where part of the usage could not be read, no image is DELETABLE. Images that another service manages do not count
    among the newest: backups of a machine have its tag Name, and would push its images out.
    """
    pairs = [(image, _with_vault(protection, usage.vaults.get(image.image_id))) for image, protection in images]
    ordered = sorted(pairs, key=lambda pair: (pair[0].created_at, pair[0].image_id), reverse=True)
    available = [(image, protection) for image, protection in ordered if image.state == "available"]
    own = [image for image, protection in available if not protection.managed]
    # Two images of the same second are both the newest.
    newest = {image.created_at for image in (*own[:1], *(image for image, _ in available[:1]))}
    by_rule = {image.image_id for image in own[: rules.keep.newest]}
    doubt = _doubt(usage.unreadable)
    assessed = []
    for image, protection in ordered:
        retention, reason = (
            _used(image, usage, rules.references)
            or _protected(protection)
            or ((Retention.NEWEST, NEWEST) if image.state == "available" and image.created_at in newest else None)
            or _by_rule(image, protection, rules, by_rule)
            or ((Retention.UNKNOWN, doubt) if doubt else None)
            or (Retention.DELETABLE, "")
        )
        assessed.append(_with_users(image, usage, retention, reason))
    return assessed


def _with_vault(protection: Protection, vault: str | None) -> Protection:
    return replace(protection, managed=f"{BACKUP} (vault {vault})") if vault else protection


def _protected(protection: Protection) -> tuple[Retention, str] | None:
    if protection.managed:
        return Retention.MANAGED, protection.managed
    if not protection.by_ec2:
        return None
    how = "deregistration protection is on: turn it off in EC2"
    if protection.by_ec2 == "enabled-with-cooldown":
        return Retention.PROTECTED, f"{how}; it can be deleted 24 hours later"
    if protection.by_ec2 == "enabled-without-cooldown":
        return Retention.PROTECTED, f"{how} first"
    return Retention.PROTECTED, f"EC2 protects it from deregistration ({protection.by_ec2})"


def _used(image: AssessedImage, usage: Usage, references: Mapping[str, str]) -> tuple[Retention, str] | None:
    for identifier in _ids(image):
        if identifier in usage.users:
            by = str(usage.users[identifier])
            return (
                Retention.IN_USE,
                f"used by {by}" if identifier == image.image_id else f"its snapshot {identifier} is used by {by}",
            )
    if image.image_id in references:
        return Retention.IN_USE, references[image.image_id]
    return (Retention.IN_USE, "it is public: others may launch it") if image.public else None


def _by_rule(
    image: AssessedImage, protection: Protection, rules: RetentionRules, by_rule: Collection[str]
) -> tuple[Retention, str] | None:
    if image.state in ("pending", "transient"):
        return Retention.BY_RULE, "it is still being made"
    if protection.by_tag:
        return Retention.BY_RULE, "the tag signalbox:keep protects it"
    if image.image_id in by_rule:
        return Retention.BY_RULE, f"one of the newest {rules.keep.newest}"
    if rules.now - image.created_at < rules.keep.younger_than:
        return Retention.BY_RULE, f"younger than {phrases.span(rules.keep.younger_than)}"
    return None


def _doubt(unreadable: Collection[Unreadable]) -> str:
    if not unreadable:
        return ""
    more = "".join(f" ({line})" for line in phrases.rest(len(unreadable) - 1))
    return f"nobody can say whether it is used: {next(iter(unreadable))}{more}"


def _with_users(image: AssessedImage, usage: Usage, retention: Retention, reason: str) -> AssessedImage:
    users = [usage.users[identifier] for identifier in _ids(image) if identifier in usage.users]
    named = tuple(name for user in users for name in user.named)
    return replace(image, retention=retention, reason=reason, used_by=named, users=sum(user.count for user in users))


def _ids(image: AssessedImage) -> Sequence[str]:
    return (image.image_id, *(snapshot.snapshot_id for snapshot in image.snapshots))
