"""AWS for the sandbox: moto's server as a child process that ends with its parent."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session

from sandbox.waiting import aloud, within

if TYPE_CHECKING:
    from datetime import timedelta

    from mypy_boto3_ec2 import EC2Client

REGION = "us-west-2"
STARTS_WITHIN = 60.0  # seconds of an idle machine, which needs three
ENDS_WITHIN = 5.0
_PROJECT = Path(__file__).parent.parent


def _without_profile() -> botocore.session.Session:
    """A session that does not read which profile the environment names."""
    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})


@dataclass(frozen=True, slots=True)
class AwsHandle:
    """The address of the stand-in for AWS_ENDPOINT_URL, and its region."""

    url: str
    region: str

    def environment(self) -> dict[str, str]:
        """The environment variables by which AWS's libraries use the stand-in only."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "AKIASANDBOX000000000",
            "AWS_SECRET_ACCESS_KEY": "SandboxSecretAccessKeyOfNobody0123456789",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A client of another service of the stand-in."""
        keys = self.environment()
        session = boto3.Session(
            botocore_session=_without_profile(),
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self.region,
        )
        return session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def ec2(self, *, region: str = "", role: str = "") -> EC2Client:
        """A client of the stand-in, for what somebody does in the console or looks up; `role` is the ARN of one to assume."""
        keys = self.environment()
        at, key, secret = self.region, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]
        # The user's own profile has no part in this.
        base = boto3.Session(
            botocore_session=_without_profile(),
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=region or at,
        )
        if not role:
            return base.client("ec2", endpoint_url=self.url)
        sts = base.client("sts", endpoint_url=self.url)
        given = sts.assume_role(RoleArn=role, RoleSessionName="sandbox")["Credentials"]
        assumed = boto3.Session(
            botocore_session=_without_profile(),
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=region or at,
        )
        return assumed.client("ec2", endpoint_url=self.url)


class AwsStandIn:
    """The child process. It ends when its standard input does, so a SIGKILL of the parent leaves nothing behind."""

    def __init__(self, region: str = REGION) -> None:
        self._region = region
        self._child: asyncio.subprocess.Process | None = None
        self._input: asyncio.StreamWriter | None = None
        self._output: asyncio.StreamReader | None = None
        self._handle: AwsHandle | None = None
        self._request_lock = asyncio.Lock()

    @property
    def handle(self) -> AwsHandle:
        """The address and region; RuntimeError before it has started."""
        if self._handle is None:
            raise RuntimeError("AWS has not been started")
        return self._handle

    @property
    def pid(self) -> int:
        """The child's process id; RuntimeError when there is no child."""
        if self._child is None:
            raise RuntimeError("AWS has not been started")
        return self._child.pid

    async def start(self) -> AwsHandle:
        """Start the server with its seed, and wait until it answers. RuntimeError when it ends before that."""
        await self._spawn()
        try:
            ready = await aloud("AWS to answer", within(STARTS_WITHIN, self._answer()))
        except BaseException:
            await self.stop()
            raise
        self._handle = AwsHandle(f"http://127.0.0.1:{ready['port']}", self._region)
        return self._handle

    async def _spawn(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox.aws_server", self._region),
            cwd=_PROJECT,
            env=server_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._input, self._output = self._child.stdin, self._child.stdout

    async def backdate(self, instance_id: str, by: timedelta) -> None:
        """Make an instance older by this time: moto sets each launch time to the current time."""
        await self._ask({"instance": instance_id, "seconds": by.total_seconds()})

    async def add_image(self, environment: str, machine: str, age: timedelta) -> str:
        """Add an image of Packer with its snapshot, made so long ago: moto sets each date to the current time. Its id."""
        request = {"environment": environment, "machine": machine, "age": age.total_seconds()}
        return str((await self._ask(request))["image"])

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._request_lock:
            if self._input is None:
                raise RuntimeError("AWS has not been started")
            self._input.write(json.dumps(request).encode() + b"\n")
            await self._input.drain()
            answer = await self._answer()
        if answer.get("error"):
            raise ValueError(answer["error"])
        return answer

    async def _answer(self) -> dict[str, Any]:
        if self._output is None:
            raise RuntimeError("AWS has not been started")
        line = await self._output.readline()
        if not line:
            status = f" with {await self._child.wait()}" if self._child else ""
            raise RuntimeError(f"moto's server ended{status}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def stop(self) -> None:
        """End the child by the end of its input; kill it when it has not ended in time."""
        self._handle = None
        if self._input is None:
            return
        self._input.write_eof()
        try:
            await within(ENDS_WITHIN, self._ended())
        except TimeoutError:
            if self._child:
                with suppress(ProcessLookupError):
                    self._child.kill()
                await self._child.wait()
        self._child = self._input = self._output = None

    async def _ended(self) -> None:
        if self._child:
            await self._child.wait()


def server_environment() -> dict[str, str]:
    """All that the child sees of an environment."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    keys = {"AWS_ACCESS_KEY_ID": "seed", "AWS_SECRET_ACCESS_KEY": "seed", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**inherited, **keys, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "PYTHONUNBUFFERED": "1"}
