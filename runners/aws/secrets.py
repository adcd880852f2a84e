"""Secrets in AWS by their names: access keys of IAM users, parameters of SSM, Secrets Manager, EC2's key pairs. Every function blocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.aws.client import listed
from runners.results import TEMPORARY_NAME
from runners.results.secrets import Keeper, SecretEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.aws.client import Account


def access_keys(account: Account, user: str) -> tuple[SecretEntry, ...]:
    """The access keys of an IAM user, oldest first."""
    iam = account.client("iam")
    keys = [
        _access_key(iam, user, each) for each in listed(iam, "list_access_keys", "AccessKeyMetadata", UserName=user)
    ]
    return tuple(sorted(keys, key=lambda key: (key.changed_at or datetime.max.replace(tzinfo=UTC), key.name)))


def _access_key(iam: Any, user: str, key: Any) -> SecretEntry:
    key_id = str(key["AccessKeyId"])
    used = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
    status = "" if key["Status"] == "Active" else "inactive"
    return SecretEntry(
        Keeper.IAM, key_id, user, _utc(key.get("CreateDate")), _utc(used.get("LastUsedDate")), note=status
    )


def parameters(account: Account, region: str, prefix: str) -> Iterator[SecretEntry]:
    """The parameters whose names begin with a prefix; those that are not encrypted say so."""
    filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [prefix]}]
    for each in listed(account.client("ssm", region), "describe_parameters", "Parameters", ParameterFilters=filters):
        note = "" if each["Type"] == "SecureString" else "not encrypted"
        yield SecretEntry(Keeper.PARAMETER, each["Name"], region, _utc(each.get("LastModifiedDate")), note=note)


def secrets_manager(account: Account, region: str, prefix: str) -> Iterator[SecretEntry]:
    """The entries of Secrets Manager whose names begin with a prefix."""
    client = account.client("secretsmanager", region)
    for each in listed(client, "list_secrets", "SecretList", Filters=[{"Key": "name", "Values": [prefix]}]):
        if not each["Name"].startswith(prefix):
            continue  # AWS compares words of the name too
        note = "rotated by Secrets Manager" if each.get("RotationEnabled") else ""
        changed = each.get("LastChangedDate") or each.get("CreatedDate")
        yield SecretEntry(
            Keeper.SECRETS_MANAGER, each["Name"], region, _utc(changed), _utc(each.get("LastAccessedDate")), note=note
        )


def set_parameter(account: Account, name: str, value: str) -> None:
    """Write an SSM parameter, encrypted."""
    account.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def set_entry(account: Account, name: str, value: str) -> None:
    """Write a new version of an entry of Secrets Manager, which must exist."""
    account.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)


def check_parameter(account: Account, name: str) -> None:
    """Ask for a parameter's description, which need not exist."""
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    account.client("ssm").describe_parameters(ParameterFilters=filters)


def check_entry(account: Account, name: str) -> None:
    """Ask for an entry's description, which must exist."""
    account.client("secretsmanager").describe_secret(SecretId=name)


def key_pairs(account: Account, region: str) -> Iterator[SecretEntry]:
    """EC2's key pairs, but for those that Packer makes for a build."""
    for each in account.ec2(region).describe_key_pairs()["KeyPairs"]:
        if not TEMPORARY_NAME.fullmatch(each["KeyName"]):
            yield SecretEntry(Keeper.KEY_PAIR, each["KeyName"], region, _utc(each.get("CreateTime")))


def _utc(at: Any) -> datetime | None:
    return at.astimezone(UTC) if isinstance(at, datetime) else None
