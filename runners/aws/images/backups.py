"""Images that AWS Backup made and owns: EC2 refuses to deregister them, and a copied tag Name makes them look like ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.aws.client import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = 1000
_IMAGE = ":image/"  # of an image's ARN


def recovery_points(backup: Any) -> Iterator[tuple[str, str]]:
    """Each image that is a recovery point, and the name of its vault: a call for the vaults, and one for each that is not empty."""
    for vault in listed(backup, "list_backup_vaults", "BackupVaultList", page=_PAGE):
        name = vault["BackupVaultName"]
        if vault.get("NumberOfRecoveryPoints") == 0:
            continue
        asked = {"BackupVaultName": name, "ByResourceType": "EC2"}
        for point in listed(backup, "list_recovery_points_by_backup_vault", "RecoveryPoints", page=_PAGE, **asked):
            image_id = str(point.get("RecoveryPointArn", "")).partition(_IMAGE)[2]
            if image_id:
                yield image_id, name
