"""Hosts that only sessions of AWS Systems Manager reach: a real OpenSSH server, and stand-ins for the two programs of a session.

The stand-ins take what the AWS CLI documents and hands to the plugin, and nothing else; the plugin opens a real connection.
"""

from __future__ import annotations

import getpass
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.processes import child, wall
from runners.results import Host, Inventory, SessionManager
from runners.ssh import session_manager
from tests.real.ssh_support import Server, running_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

REGION = "us-west-2"
TARGET, AWAY = "i-0123456789abcdef0", "i-0fedcba9876543210"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE0SESSIONS",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-environment",
    "AWS_SESSION_TOKEN": "a-token-of-the-environment",
}
_CLI = '''#!%s -IS
"""aws ssm start-session, as the reference of the AWS CLI has it, with the errors that AWS gives."""
import argparse, configparser, json, os, stat, subprocess, sys
world = json.load(open(os.path.dirname(__file__) + "/world.json"))
parser = argparse.ArgumentParser(prog="aws", allow_abbrev=False)
parser.add_argument("service", choices=["ssm"])
parser.add_argument("operation", choices=["start-session"])
for name in ("target", "document-name", "parameters", "region"):
    parser.add_argument("--" + name, required=True)
given = parser.parse_args()
def fail(code, words):
    sys.exit(f"\\nAn error occurred ({code}) when calling the StartSession operation: {words}")
if set(name for name in os.environ if name.startswith("AWS_")) != {
    "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_PAGER"
} or os.environ["AWS_EC2_METADATA_DISABLED"] != "true" or os.environ["AWS_CONFIG_FILE"] != "/dev/null":
    sys.exit(f"another environment: {sorted(os.environ)}")
path = os.environ["AWS_SHARED_CREDENTIALS_FILE"]
if stat.S_IMODE(os.stat(path).st_mode) != 0o600:
    sys.exit("others may read the credentials")
read = configparser.RawConfigParser()
read.read(path)
if {name.upper(): value for name, value in read["default"].items()} != world["credentials"]:
    fail("UnrecognizedClientException", "The security token included in the request is invalid.")
if given.document_name != "AWS-StartSSHSession":
    fail("InvalidDocument", f"Document with name {given.document_name} does not exist.")
name, _, port = given.parameters.partition("=")
if name != "portNumber" or not port.isdigit():
    fail("ValidationException", "Parameter is invalid")
where = world["targets"].get(given.target, "TargetNotConnected")
if given.region != world["region"]:
    where = "TargetNotConnected"
if isinstance(where, str):
    fail(where, world["words"].get(where, f"{given.target} is not connected."))
response = json.dumps({"SessionId": "ops-1", "TokenValue": "token", "StreamUrl": f"tcp://{where[0]}:{port}"})
try:
    subprocess.run(["session-manager-plugin", "--version"], check=True, stdout=subprocess.PIPE)
except FileNotFoundError:
    sys.exit("SessionManagerPlugin is not found. Please refer to SessionManager Documentation here: "
             "http://docs.aws.amazon.com/console/systems-manager/session-manager-plugin-not-found")
parameters = {"Target": given.target, "DocumentName": given.document_name, "Parameters": {"portNumber": [port]}}
argv = ["session-manager-plugin", "AWS_SSM_START_SESSION_RESPONSE", given.region, "StartSession", "", json.dumps(parameters),
        f"https://ssm.{given.region}.amazonaws.com"]
sys.exit(subprocess.run(argv, env={**os.environ, "AWS_SSM_START_SESSION_RESPONSE": response}).returncode)
'''
_PLUGIN = '''#!%s -IS
"""session-manager-plugin: what the AWS CLI calls it with, and a connection to the port of the target."""
import json, os, socket, sys, threading
if sys.argv[1:] == ["--version"]:
    print("1.2.707.0")
    sys.exit()
name, region, operation, profile, parameters, endpoint = sys.argv[1:]
answer = json.loads(os.environ[name])
assert operation == "StartSession" and not profile and endpoint == f"https://ssm.{region}.amazonaws.com"
assert json.loads(parameters)["DocumentName"] == "AWS-StartSSHSession"
host, port = answer["StreamUrl"].removeprefix("tcp://").split(":")
try:
    there = socket.create_connection((host, int(port)), timeout=20)
except OSError:
    sys.exit("Connection to destination port failed, check SSM Agent logs.")
there.settimeout(None)
def up():
    while piece := os.read(0, 65536):
        there.sendall(piece)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while piece := there.recv(65536):
    os.write(1, piece)
os._exit(0)
'''


@dataclass(frozen=True)
class Sessions:
    """A server that is the instance TARGET, and the programs in `programs`."""

    server: Server
    programs: Path
    port: int

    @property
    def inventory(self) -> Inventory:
        """The one host, by its instance id."""
        host = Host("staging-backend", "backend", TARGET, TARGET, "ami-1", "us-west-2a")
        return Inventory(
            "staging", (host,), getpass.getuser(), self.port, "ssh", session_manager=SessionManager(REGION)
        )

    @property
    def other(self) -> Inventory:
        """A host that Systems Manager does not know."""
        (host,) = self.inventory.hosts
        return replace(self.inventory, hosts=(replace(host, instance_id=AWAY, address=AWAY),))

    @property
    def secret(self) -> str:
        """The credentials that AWS accepts."""
        return session_manager.secret_text(CREDENTIALS)

    @property
    def known_hosts(self) -> str:
        """The server's key, by the instance id."""
        return f"[{TARGET}]:{self.port} {(self.server.directory / 'host_key.pub').read_text()}"

    def answer(self, **changes: object) -> None:
        """What AWS answers from now on."""
        world = {
            "region": REGION,
            "credentials": CREDENTIALS,
            "targets": {TARGET: [self.server.address]},
            "words": {"AccessDeniedException": "User: arn:aws:sts::1:assumed-role/ops/x is not authorized."},
        }
        (self.programs / "world.json").write_text(json.dumps(world | changes))


@asynccontextmanager
async def sessions(directory: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sessions]:
    """The server, and the two programs first among those of the system."""
    programs = directory / "programs"
    programs.mkdir()
    for name, text in (("aws", _CLI), ("session-manager-plugin", _PLUGIN)):
        (programs / name).write_text(text % sys.executable)
        (programs / name).chmod(0o755)
    monkeypatch.setattr(child, "_SYSTEM_PATH", f"{programs}:{wall.SYSTEM_PATH}")
    (directory / "instance").mkdir()
    async with running_servers(directory / "instance", port, ["127.0.0.4"]) as (server,):
        made = Sessions(server, programs, port)
        made.answer()
        yield made
