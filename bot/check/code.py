"""Checks the code that each environment runs, at its configured refs: fetched once for a ref, run behind the wall of a plan."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.check.code_ansible import TIMEOUT, Playbooks, check_playbooks, find_hosts
from bot.check.code_terraform import check_directory
from bot.check.code_terragrunt import check_units
from bot.check.nearest import other_refs
from bot.check.result import Findings
from bot.config.isolation import isolations
from runners.aws.credentials import variables_of
from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError
from runners.github import archive, commits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.config import Ansible, Config, Environment
    from runners.github import GitHub
    from runners.processes.wall import Isolation
    from runners.results import Commit


@dataclass(frozen=True, slots=True)
class Checkout:
    """An environment's own copy of the code at a commit, in a directory of its own (`scratch`)."""

    environment: Environment
    commit: Commit
    root: Path
    scratch: Path
    isolation: Isolation


@dataclass(slots=True)
class CodeCheck:
    """The check of all environments' code; everything that it writes is in `directory`, which the caller deletes."""

    config: Config
    github: GitHub
    environ: Mapping[str, str]
    workplace: Path
    file: Path
    directory: Path
    _isolations: Mapping[str, Isolation] = field(default_factory=dict)  # read when first needed
    _fetched: dict[tuple[str, str], asyncio.Task[tuple[Commit, Path]]] = field(default_factory=dict)

    async def check(self, environment: Environment) -> Findings:
        """The findings of one environment."""
        findings = Findings("code")
        self._isolations = self._isolations or isolations(self.config, self.workplace, self.file)
        isolation = self._isolations[environment.name]
        ansible = environment.deploy.ansible if environment.deploy else None
        terraform = environment.terraform
        if ansible:
            await self._check_ansible(environment, ansible, isolation, findings)
        if terraform and terraform.code:
            checkout = await self._checkout(environment, terraform.ref, "plan", isolation, findings)
            if checkout and terraform.terragrunt:
                check_units(checkout, terraform.terragrunt, findings)
            elif checkout:
                await check_directory(self.config, self.environ, checkout, terraform, findings)
        return findings

    async def _check_ansible(
        self, environment: Environment, ansible: Ansible, isolation: Isolation, findings: Findings
    ) -> None:
        """Add the findings of the environment's deploys, and of the playbooks that /run runs there."""
        hosts = await find_hosts(self.config, environment, ansible, findings)
        key = environment.key_of("deploy", "ansible")
        reached, credentials = self.config.host_settings(environment, ansible), await self._credentials(environment)
        wanted = {"deploy": Playbooks(ansible, environment.machines, key, environment.name, reached, credentials)}
        for name, custom in self.config.operations.custom.items():
            settings = self.config.playbook_settings(custom) if custom.environment == environment.name else None
            if settings:
                machines, title = self.config.machines_of(custom), f"{environment.name}: /run {name}"
                wanted[f"run-{name}"] = Playbooks(settings, machines, f"operations.{name}", title, reached, credentials)
        for purpose, playbooks in wanted.items():
            checkout = await self._checkout(environment, playbooks.settings.ref, purpose, isolation, findings)
            if checkout:
                await check_playbooks(self.environ, checkout, playbooks, hosts, findings)

    async def _credentials(self, environment: Environment) -> Mapping[str, str]:
        """Those of the environment, as variables; none where there are none, which the check of AWS reports."""
        place, ansible = self.config.aws_of(environment), environment.deploy and environment.deploy.ansible
        if not (place and ansible and ansible.inventory):
            return {}
        with suppress(RunnerError):
            doing = "reading the AWS credentials"
            return await run_blocking(variables_of, place, timeout=TIMEOUT, doing=doing)
        return {}

    async def _checkout(
        self, environment: Environment, ref: str, purpose: str, isolation: Isolation, findings: Findings
    ) -> Checkout | None:
        scratch = self.directory / f"{environment.file_name}-{purpose}"
        try:
            wanted = self.config.repository_of(environment), ref
            if wanted not in self._fetched:
                into = self.directory / f"ref-{len(self._fetched)}"
                self._fetched[wanted] = asyncio.create_task(self._fetch(*wanted, into))
            commit, fetched = await self._fetched[wanted]
        except RunnerError as error:
            if isinstance(error, NotFoundError) and not await self._is_there(self.config.repository_of(environment)):
                return None  # the check of GitHub says so
            others = await other_refs(self.github, self.config.repository_of(environment), ref)
            findings.add_problem(f"{environment.key_of()}: {error}", others or error.remedy or "Check `ref`.")
            return None
        scratch.mkdir(mode=0o700)
        root = scratch / "code"
        await asyncio.to_thread(shutil.copytree, fetched, root, symlinks=True)
        return Checkout(environment, commit, root, scratch, isolation)

    async def _is_there(self, repository: str) -> bool:
        try:
            await self.github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
        except NotFoundError:
            return False
        except RunnerError:
            return True
        return True

    async def _fetch(self, repository: str, ref: str, into: Path) -> tuple[Commit, Path]:
        commit = await commits.resolve(self.github, repository, ref)
        return commit, await archive.fetch_code(self.github, commit, into)


def runs_code_here(environment: Environment) -> bool:
    """Whether code of the environment runs on this machine: playbooks, or Terraform."""
    ansible = environment.deploy.ansible if environment.deploy else None
    return bool(ansible or (environment.terraform and environment.terraform.code))
