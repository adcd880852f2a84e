"""Host keys from an instance's console."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from runners.errors import AccessDeniedError
from runners.ssh.console import console_keys, keys_in
from runners.ssh.host_keys import HostKey

ED = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
OUTPUT = f"""
[   12.1] cloud-init[911]: -----BEGIN SSH HOST KEY KEYS-----
[   12.1] cloud-init[911]: {ED.kind} {ED.key} root@ip-10-0-0-1
ssh-dss AAAA root@ip-10-0-0-1
-----END SSH HOST KEY KEYS-----
login: ssh-ed25519 AAAA
"""


def test_the_keys_between_the_lines_count_and_no_others() -> None:
    assert keys_in(OUTPUT) == (ED,)
    assert keys_in(f"{ED.kind} {ED.key}\n") == ()
    newer = OUTPUT.replace(ED.key, ED.key[:-1] + "B")
    assert keys_in(OUTPUT + newer) == (HostKey(ED.kind, ED.key[:-1] + "B"),)


async def test_each_instance_is_asked_and_silent_consoles_are_left_out() -> None:
    ec2 = boto3.client("ec2", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(ec2) as stubber:
        stubber.add_response("get_console_output", {"InstanceId": "i-1", "Output": OUTPUT})
        assert await console_keys(ec2, ["i-1"]) == {"i-1": (ED,)}
        stubber.add_response("get_console_output", {"InstanceId": "i-2"})
        assert await console_keys(ec2, ["i-2"]) == {}
        stubber.add_client_error("get_console_output", "UnauthorizedOperation", "no", 403)
        with pytest.raises(AccessDeniedError, match="forbids GetConsoleOutput"):
            await console_keys(ec2, ["i-3"])
