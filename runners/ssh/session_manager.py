"""Sessions of AWS Systems Manager that carry ssh to instances: ssh's configuration for them, and their errors in words.

ssh starts `aws ssm start-session`, which starts `session-manager-plugin`; they get the credentials of the environment alone.
Sources: AWS's "Allow and control permissions for SSH connections through Session Manager"; sessionmanager.py of the AWS CLI.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import AccessDeniedError, ProgramMissingError, RunnerError, UnavailableError
from runners.processes.child import search_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results import SessionManager
    from runners.ssh.route import Files

KEY = "deploy.ansible.ssh.session_manager"
INSTANCE = re.compile(r"m?i-[0-9a-f]{8,17}")  # EC2's, and of other machines that Systems Manager knows
_CLI, _PLUGIN = "aws", "session-manager-plugin"
_SOURCES = {
    _CLI: "Install the AWS CLI (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html)",
    _PLUGIN: "Install the Session Manager plugin"
    " (https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html)",
}
_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the StartSession operation[^:]*: (.+)")
_NO_CLI = re.compile(r"(?:exec: aws|env: .?aws.?|aws): (?:not found|No such file or directory)")
_NO_PLUGIN = "SessionManagerPlugin is not found"
_NO_ENDPOINT = re.compile(
    r"Could not connect to the endpoint URL: \"?([^\s\"]+)|Connect timeout on endpoint URL: \"?([^\s\"]+)"
)
_REFUSED_CODES = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_CREDENTIAL_CODES = frozenset(
    {
        "ExpiredTokenException",
        "ExpiredToken",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
    }
)
_NO_SSHD = re.compile(r"Connection to destination port failed|connection refused", re.IGNORECASE)
_CLOSED = re.compile(
    r"Connection closed by UNKNOWN port|kex_exchange_identification|Connection timed out during banner"
)


def secret_text(variables: Mapping[str, str]) -> str:
    """Credentials as one secret: a line for each value, so that each of them is masked."""
    return "".join(f"{variables[name]}\n" for name in _VARIABLES if name in variables)


def credentials_file(secret: str) -> str:
    """The same credentials as a file of the AWS CLI."""
    values = zip(_VARIABLES, secret.splitlines(), strict=False)
    return "[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in values)


def config_text(sessions: SessionManager, files: Files) -> str:
    """The configuration of ssh: every host is an instance id."""
    environ = {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": str(files.secret),
        "AWS_EC2_METADATA_DISABLED": "true",  # else the machine's own role counts where these expire
        "AWS_PAGER": "",
    }
    argv = ["env", *(f"{name}={value}" for name, value in environ.items()), _CLI, "ssm", "start-session"]
    argv += ["--document-name", "AWS-StartSSHSession", "--region", sessions.region]
    command = shlex.join(argv).replace("%", "%%") + " --target %h --parameters portNumber=%p"
    return f"Host *\n  ProxyCommand {command}\n  ForwardAgent no\n  ForwardX11 no\n"


def require_programs(doing: str) -> tuple[Path, ...]:
    """The two programs that a session takes. Raises ProgramMissingError, which says how to get each one that is missing."""
    paths = {name: shutil.which(name, path=search_path()) for name in (_CLI, _PLUGIN)}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        problem = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on this machine, and {KEY} needs {'it' if len(missing) == 1 else 'them'}"
        remedy = ". ".join(f"{_SOURCES[name]}" for name in missing)
        raise ProgramMissingError(doing, problem, remedy=f"{remedy}, into a directory of {search_path()}.")
    return tuple(Path(path) for path in paths.values() if path)


def refusal(output: str, sessions: SessionManager, doing: str) -> RunnerError | None:
    """The error where no session to any instance can be had, by what ssh and the CLI printed; None where it is the instance."""
    if _NO_PLUGIN in output or _NO_CLI.search(output):
        name = _PLUGIN if _NO_PLUGIN in output else _CLI
        return ProgramMissingError(doing, f"{name} was not found, and {KEY} needs it", remedy=f"{_SOURCES[name]}.")
    if silent := _NO_ENDPOINT.search(output):
        problem = f"Systems Manager does not answer at {silent[1] or silent[2]}"
        return UnavailableError(doing, problem, remedy="Check the network of the bot's machine, and aws.region.")
    error = _ERROR.search(output)
    code, why = (error[1], error[2].strip().rstrip(".")) if error else ("", "")
    if code in _CREDENTIAL_CODES:
        problem = f"AWS does not accept the credentials for sessions in {sessions.region} ({code})"
        remedy = "A role's credentials last for its session: shorten the deploy, or lengthen the role's maximum session duration."
        return AccessDeniedError(
            doing, problem, remedy=remedy if "Expired" in code else "Check `aws` of the environment."
        )
    if code in _REFUSED_CODES:
        remedy = "Allow ssm:StartSession on the instances and on the document AWS-StartSSHSession."
        return AccessDeniedError(doing, f"AWS refuses the session: {why[:300]}", remedy=remedy)
    if code == "ThrottlingException":
        return UnavailableError(
            doing, "Systems Manager starts no more sessions now (ThrottlingException)", remedy="Try again in a minute."
        )
    return None


def in_words(output: str, sessions: SessionManager, address: str) -> str:
    """One sentence on why there is no connection: the session, or the instance; "" where ssh says neither."""
    if refused := refusal(output, sessions, ""):
        return f"{refused.problem[:1].upper()}{refused.problem[1:]}. {refused.remedy}"
    error = _ERROR.search(output)
    if error and error[1] == "TargetNotConnected":
        return f"{address} is not connected to Systems Manager in {sessions.region}. Check its SSM Agent and its instance profile."
    if error:
        return f"Systems Manager starts no session to {address} ({error[1]}: {error[2].strip().rstrip('.')[:200]})."
    if _NO_SSHD.search(output) and _CLOSED.search(output):
        return f"A session to {address} was started, but no SSH server answers there."
    return ""
