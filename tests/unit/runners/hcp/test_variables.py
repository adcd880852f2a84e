"""Variables of HCP Terraform's stand-in: sensitive ones by name, and a value that goes there and never comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.errors import NotFoundError, RunnerError
from runners.hcp import variables
from sandbox.hcp.model import Variable

if TYPE_CHECKING:
    from sandbox.hcp import HcpStandIn
    from tests.unit.runners.hcp.hcp_runs import Client


async def test_sensitive_variables_are_listed_and_set(stand_in: HcpStandIn, client: Client) -> None:
    workspace = stand_in.workspaces["prod"]
    workspace.variables += [Variable("key", "old-canary"), Variable("region", "us-west-2", sensitive=False)]
    hcp = client(stand_in.url)
    (entry,) = await variables.sensitive(hcp, "acme", "prod", "prod")
    assert (entry.name, entry.owner, entry.environment) == ("key", "acme/prod", "prod")
    await variables.set_value(hcp, "acme", "prod", "key", "new\nvalue 🚀")
    assert workspace.variables[0].value == "new\nvalue 🚀"
    await variables.set_value(hcp, "acme", "prod", "region", "x")
    assert workspace.variables[1].sensitive


async def test_what_is_missing_or_hidden_is_refused(stand_in: HcpStandIn, client: Client) -> None:
    with pytest.raises(NotFoundError, match="no such variable"):
        await variables.set_value(client(stand_in.url), "acme", "prod", "key", "x")
    stand_in.workspaces["prod"].variables.append(Variable("key", "old"))
    with pytest.raises(RunnerError):
        await variables.set_value(client(stand_in.url, "organization-token"), "acme", "prod", "key", "canary")
    assert stand_in.workspaces["prod"].variables[0].value == "old"
