"""The programs on this machine, and the secrets that the configuration names for them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.result import Findings
from runners import terraform
from runners.errors import RunnerError
from runners.processes.child import child_environment, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config

TIMEOUT = 30.0


async def check_terraform(config: Config, environ: Mapping[str, str]) -> Findings:
    """Finds the terraform program that would be used."""
    found = Findings("terraform")
    try:
        program = await terraform.find_program(config.terraform.program, environ.get("PATH", ""))
        found.note(f"{program.name} {program.version}, {program.path}")
    except RunnerError as error:
        found.fail(str(error), error.remedy or "Set terraform.program, or install terraform or tofu.")
    return found


async def check_ansible(config: Config) -> Findings:
    """Runs ansible-playbook as a deploy would, and looks for ssh where a deploy needs it."""
    found = Findings("ansible")
    doing = "asking ansible-playbook for its version"
    with tempfile.TemporaryDirectory(prefix="signalbox-check-") as home:
        environment = child_environment(Path(home))
        try:
            output = await run(
                ["ansible-playbook", "--version"], cwd=Path(home), env=environment, timeout=TIMEOUT, doing=doing
            )
        except RunnerError as error:
            found.fail(str(error), "Install what requirements.lock lists; ansible-core is in it.")
            return found
        if output.exit_code:
            found.fail(f"ansible-playbook does not run (exit code {output.exit_code})", output.stderr.strip()[-200:])
        found.note(next(iter(output.stdout.splitlines()), "ansible-playbook"))
        runners = [one.deploy.ansible for one in config.environments.values()]
        if any(runner and runner.connection == "ssh" for runner in runners) and not shutil.which(
            "ssh", path=environment["PATH"]
        ):
            found.fail("there is no program ssh on this machine", "Install OpenSSH's client.")
    return found


def check_secrets(config: Config, environ: Mapping[str, str]) -> Findings:
    """Looks whether the variables that the configuration names are set; never at what is in them, but for keys."""
    found = Findings("secrets")
    for name in sorted(config.secret_names):
        if not environ.get(name):
            found.fail(f"{name} is not set", "signalbox.yaml names it: set it in the bot's environment.")
    for environment in config.environments.values():
        ansible = environment.deploy.ansible
        key = environ.get(ansible.private_key_env, "") if ansible and ansible.private_key_env else ""
        if key and "PRIVATE KEY-----" not in key:
            found.fail(
                f"{ansible.private_key_env if ansible else ''} is no private key",
                "Put the key's text into it, from -----BEGIN to END-----, not the name of its file.",
            )
    found.note(", ".join(sorted(config.secret_names)) + " are set")
    return found
