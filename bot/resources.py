"""The database, GitHub and HCP Terraform, made from the settings for the service and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bot import settings as environment
from bot.errors import NothingThereError
from bot.process import private_files
from bot.store.database import Store
from runners.aws.client import Account, Clients, NotConfigured, make_clients
from runners.github import PUBLIC_API, GitHub
from runners.hcp.client import PUBLIC_ADDRESS, HcpTerraform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_sts import STSClient

    from bot.config import Config
    from bot.settings import Settings
    from runners.results import AwsPlace

# The file, its write-ahead log and the log's index, its rollback journal: https://sqlite.org/tempfiles.html
SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")


def make_store(settings: Settings, workplace: Path) -> Store:
    """The database: DATABASE_URL, else an SQLite file in the workplace. Raises ConfigError when others may use its files."""
    private_files.make_private_directory(workplace)
    store = _store(settings, workplace)
    if store.file is not None:
        beside = [store.file.with_name(store.file.name + ending) for ending in SQLITE_ENDINGS]
        private_files.require(*beside)
    return store


def open_store(settings: Settings, workplace: Path) -> Store:
    """The existing database. Raises NothingThereError if an SQLite file is missing."""
    store = _store(settings, workplace)
    if store.file is not None and not store.file.is_file():
        store.close()
        raise NothingThereError(store.location)
    return store


def _store(settings: Settings, workplace: Path) -> Store:
    url = environment.database_url(settings.database_url, f"sqlite:///{workplace}/signalbox.sqlite")
    return Store(url, settings.signalbox_key)


def make_github(settings: Settings) -> GitHub:
    """GitHub, by token or as an App."""
    return GitHub(
        settings.github_api_url or PUBLIC_API,
        token=settings.github_token,
        app_id=settings.github_app_id,
        private_key=settings.github_app_private_key,
    )


def make_account(config: Config) -> Account:
    """AWS in all regions; without AWS in the configuration, what says so when it is asked."""
    if config.aws is None:
        return cast("Account", NotConfigured())
    return Account(config.aws.all_regions, config.aws.profile)


def make_aws(config: Config, make: Callable[[AwsPlace], Clients] = make_clients) -> Clients:
    """AWS in the region of the machines; without AWS in the configuration, what says so when it is asked."""
    if config.aws is None:
        return Clients("", cast("EC2Client", NotConfigured()), cast("STSClient", NotConfigured()), NotConfigured())
    return make(config.aws.place)


def make_hcp(settings: Settings) -> HcpTerraform | None:
    """HCP Terraform, or None without a token."""
    return (
        HcpTerraform(settings.tfe_address or PUBLIC_ADDRESS, token=settings.tfe_token) if settings.tfe_token else None
    )
