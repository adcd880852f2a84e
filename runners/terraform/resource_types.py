"""The types of resources that code has, and which of them a type that it has not is a misspelling of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.nearest import is_slip, nearest
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MOST_FILES, _MOST_BYTES = 5_000, 4 << 20
_RESOURCE = re.compile(r"""^[ \t]*resource[ \t]+"?([a-z][a-z0-9_]*)"?[ \t]+"?[\w-]+"?[ \t]*\{""", re.MULTILINE)
_IN_JSON = re.compile(r'"([a-z][a-z0-9]*_[a-z0-9_]+)"\s*:')
# What teams protect, where modules from elsewhere have it: code that is not in the repository cannot be read.
KEEPING_DATA = frozenset(
    {
        *(
            "aws_db_instance",
            "aws_rds_cluster",
            "aws_rds_cluster_instance",
            "aws_rds_global_cluster",
            "aws_dynamodb_table",
        ),
        *("aws_s3_bucket", "aws_efs_file_system", "aws_ebs_volume", "aws_elasticache_cluster", "aws_redshift_cluster"),
        *(
            "aws_elasticache_replication_group",
            "aws_opensearch_domain",
            "aws_elasticsearch_domain",
            "aws_docdb_cluster",
        ),
        *(
            "aws_neptune_cluster",
            "aws_msk_cluster",
            "aws_kms_key",
            "aws_route53_zone",
            "aws_eks_cluster",
            "aws_instance",
        ),
        *("aws_ecr_repository", "aws_backup_vault", "aws_secretsmanager_secret", "aws_cognito_user_pool", "aws_vpc"),
        *("google_sql_database_instance", "google_storage_bucket", "google_container_cluster", "google_compute_disk"),
        *("google_bigquery_dataset", "google_bigquery_table", "google_spanner_instance", "google_kms_crypto_key"),
        *("google_compute_instance", "google_dns_managed_zone", "azurerm_mssql_database", "azurerm_mssql_server"),
        *("azurerm_postgresql_flexible_server", "azurerm_mysql_flexible_server", "azurerm_storage_account"),
        *("azurerm_cosmosdb_account", "azurerm_key_vault", "azurerm_kubernetes_cluster", "azurerm_managed_disk"),
        *("azurerm_resource_group", "hcloud_server", "hcloud_volume", "digitalocean_database_cluster"),
        *("digitalocean_droplet", "kubernetes_namespace", "kubernetes_persistent_volume_claim", "helm_release"),
    }
)


def resource_types(root: Path) -> frozenset[str]:
    """The types in all files of the repository: code of one directory uses modules of others."""
    types: set[str] = set()
    for number, path in enumerate(each for pattern in ("*.tf", "*.tofu", "*.tf.json") for each in root.rglob(pattern)):
        if number == _MOST_FILES:
            break
        try:
            text = read_regular(path, most=_MOST_BYTES, root=root).decode("utf-8", "replace")
        except OSError:
            continue  # Terraform itself reports it
        types.update((_IN_JSON if path.name.endswith(".json") else _RESOURCE).findall(text))
    return frozenset(types)


def misspelled_type(kind: str, types: Collection[str]) -> str:
    """The type that this one is a misspelling of; "" where it is one that teams protect, or like no other."""
    if kind in KEEPING_DATA:
        return ""
    meant = nearest(kind, {*types, *KEEPING_DATA})
    return meant if meant and is_slip(kind, meant) else ""
