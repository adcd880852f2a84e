"""Checks the programs on this machine, and the secrets that the configuration names for them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.result import Findings
from bot.config import Ansible
from runners import terraform
from runners.errors import RunnerError
from runners.nearest import nearest
from runners.processes import wall
from runners.processes.child import child_environment, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config

TIMEOUT = 30.0


async def check_terraform(config: Config, environ: Mapping[str, str]) -> Findings:
    """Find the programs that a plan would run: terraform, and terragrunt where an environment has it."""
    findings = Findings("terraform")
    units = any(each.terraform and each.terraform.terragrunt for each in config.environments.values())
    try:
        program = await terraform.find_program(config.terraform.program, environ.get("PATH", ""))
        findings.add_fact(f"{program.name} {program.version}, {program.path}")
        if units:
            named = config.terraform.terragrunt_program
            terragrunt = await terraform.find_terragrunt(named, environ.get("PATH", ""))
            findings.add_fact(f"{terragrunt}, {terragrunt.path}")
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy or "Set terraform.program, or install terraform or tofu.")
    return findings


async def check_ansible(config: Config) -> Findings:
    """Run ansible-playbook as a deploy would, and look up ssh where a deploy needs it."""
    findings = Findings("ansible")
    doing = "asking ansible-playbook for its version"
    with tempfile.TemporaryDirectory(prefix="signalbox-check-") as home:
        environment = child_environment(Path(home))
        try:
            output = await run(
                ["ansible-playbook", "--version"],
                cwd=Path(home),
                env=environment,
                timeout=TIMEOUT,
                doing=doing,
                room=wall.OUTSIDE,
            )
        except RunnerError as error:
            findings.add_problem(str(error), "Install the packages in requirements.lock; ansible-core is one of them.")
            return findings
        if output.exit_code:
            findings.add_problem(
                f"ansible-playbook failed (exit code {output.exit_code})", output.stderr.strip()[-200:]
            )
        findings.add_fact(next(iter(output.stdout.splitlines()), "ansible-playbook"))
        uses_ssh = any(ansible.connection == "ssh" for ansible in config.deployed_by(Ansible).values())
        if uses_ssh and not shutil.which("ssh", path=environment["PATH"]):
            findings.add_problem("ssh is not installed on this machine", "Install the OpenSSH client.")
    return findings


def check_secrets(config: Config, environ: Mapping[str, str]) -> Findings:
    """Check that the variables that the configuration names are set; of their values only keys are checked."""
    findings = Findings("secrets")
    for name in sorted(config.secret_names):
        if not environ.get(name):
            meant = nearest(name, (other for other in environ if other not in config.secret_names))
            there = f"The environment has {meant}. " if meant else ""
            findings.add_problem(
                f"{name} is not set", f"{there}Set it in the bot's environment; signalbox.yaml refers to it."
            )
    settings = config.deployed_by(Ansible).values()
    for name in dict.fromkeys(key or "" for each in settings for key in (each.private_key_env, each.bastion_key_env)):
        key = environ.get(name, "")
        if key and "PRIVATE KEY-----" not in key:
            findings.add_problem(
                f"{name} is not a private key",
                "Set it to the text of the key, from -----BEGIN to END-----, not to a file name.",
            )
    findings.add_fact(", ".join(sorted(config.secret_names)) + " are set")
    return findings
