"""Staging as one machine behind a real sshd: its configuration, its server, its instance."""

from __future__ import annotations

import asyncio
import getpass
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sandbox.ports import free_port
from sandbox.ssh_server import ADDRESS, SshServer, new_key
from sandbox.world import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sandbox.aws import AwsHandle
    from sandbox.world import World

_PRIVATE, _PUBLIC = new_key()
_PORT = free_port()
_CHANNEL = '    channel: "#staging"\n'


def options(config: Mapping[str, str] | None = None) -> Options:
    """The options of a world whose staging is the bastion; `config` are further replacements in the configuration."""
    return Options(
        environment={"DEPLOYER_PRIVATE_KEY": _PRIVATE},
        config={
            f"{_CHANNEL}    machines: [backend, cron, taskrunner, sftp]": f"{_CHANNEL}    machines: [bastion]",
            "        user: deployer\n        port: 22222\n        connection: local\n": f"        user: {getpass.getuser()}\n"
            f"        port: {_PORT}\n        address: private_ip\n        private_key_env: DEPLOYER_PRIVATE_KEY\n",
            "signalbox_root: ": f"ansible_python_interpreter: {sys.executable}, signalbox_root: ",
            **(config or {}),
        },
    )


@asynccontextmanager
async def running_bastion(world: World) -> AsyncIterator[SshServer]:
    """The server and its instance, until the story has been played."""
    server = SshServer(world.files / "bastion", _PORT, _PUBLIC)
    await server.start()
    try:
        await asyncio.to_thread(_launch, world.aws)
        yield server
    finally:
        await server.stop()


def _launch(aws: AwsHandle) -> None:
    ec2 = aws.ec2()
    ec2.run_instances(
        ImageId="ami-0ba5e000000000001",
        MinCount=1,
        MaxCount=1,
        PrivateIpAddress=ADDRESS,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "staging bastion"}]}],
    )
