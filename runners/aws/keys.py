"""Access keys of IAM users: made, proven by STS, deactivated, deleted. Every function blocks; a secret is in memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws import sessions
from runners.aws.client import code_of
from runners.aws.error_codes import Verdict, verdict_of

if TYPE_CHECKING:
    from runners.aws.client import Account


@dataclass(frozen=True, slots=True)
class NewKey:
    """An access key that was just made: AWS gives its secret only now."""

    key_id: str
    secret: str = field(repr=False)


def create(account: Account, user: str) -> NewKey:
    """Make a key. `account` must try once only: a repeated call would make a second key."""
    key = account.client("iam").create_access_key(UserName=user)["AccessKey"]
    return NewKey(key["AccessKeyId"], key["SecretAccessKey"])


def set_active(account: Account, user: str, key_id: str, *, active: bool) -> None:
    """Activate or deactivate a key; one that is so already stays so."""
    status = "Active" if active else "Inactive"
    account.client("iam").update_access_key(UserName=user, AccessKeyId=key_id, Status=status)


def delete(account: Account, user: str, key_id: str) -> None:
    """Delete a key; one that is missing counts as deleted."""
    try:
        account.client("iam").delete_access_key(UserName=user, AccessKeyId=key_id)
    except exceptions.ClientError as error:
        if verdict_of(code_of(error), 0) is not Verdict.MISSING:
            raise


def owner(key: NewKey, region: str) -> str | None:
    """The user whom STS knows by this key; None as long as AWS does not know it everywhere."""
    client = sessions.of_key(region, key.key_id, key.secret).client("sts")
    try:
        arn = str(client.get_caller_identity()["Arn"])
    except exceptions.ClientError as error:
        if verdict_of(code_of(error), 0) is Verdict.CREDENTIALS:
            return None
        raise
    return arn.rpartition("/")[2]
