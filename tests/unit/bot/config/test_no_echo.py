"""No error of the configuration shows what somebody wrote where the name of a variable belongs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from bot.config import ConfigError, read

BASE: dict[str, Any] = {
    "slack": {"channel": "#ops"},
    "github": {"repository": "acme/infrastructure"},
    "aws": {"region": "us-west-2"},
    "access": {"operators": ["U0ANA"], "approvers": ["usergroup:S0LEADS"]},
}
SECRETS = (
    "mysql://root:s3cr3t-of-prod@db.internal/x",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    "hunter2-hunter2",
    "pa'ss\"word: {with} [yaml] #in it",
)


def shapes(secret: str) -> st.SearchStrategy[Any]:
    """What people write instead of the name of a variable, with the secret in it."""
    leaf = st.sampled_from([secret, [secret], {"value": secret}, {secret: "NAME"}, {"from": [secret, 7]}])
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2),
            st.dictionaries(st.sampled_from(["a", "name", secret]), inner, min_size=1),
        ),
        max_leaves=3,
    )


def with_ansible(**keys: Any) -> dict[str, Any]:
    return {
        "machines": ["backend"],
        "deploy": {"ansible": {"playbook": "x.yml", "directory": "p", "user": "deploy", **keys}},
    }


def parts_of(secret: str) -> list[str]:
    """Long enough pieces to recognise it by."""
    lines = [line for line in secret.splitlines() if "PRIVATE KEY" not in line]
    return [line[at : at + 12] for line in lines for at in range(0, max(1, len(line) - 11), 4) if len(line) >= 12]


@pytest.mark.parametrize("secret", SECRETS)
@given(data=st.data())
def test_no_value_of_a_secret_key_is_shown(secret: str, data: st.DataObject) -> None:
    written = data.draw(shapes(secret))
    key = data.draw(st.sampled_from(["secret_vars", "private_key_env", "secret_environment"]))
    value = data.draw(st.sampled_from([written, {"database_url": written}]))
    environment = with_ansible(**({key: value} if key != "secret_environment" else {}))
    if key == "secret_environment":
        environment["terraform"] = {"directory": "terraform", "secret_environment": value}
    with pytest.raises(ConfigError) as caught:
        read(yaml.safe_dump({**BASE, "environments": {"dev": environment}}))
    assert [part for part in parts_of(secret) if part in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("secret", SECRETS)
@given(data=st.data())
def test_no_line_with_a_mistake_in_its_yaml_is_shown(secret: str, data: st.DataObject) -> None:
    line = " ".join(secret.split("\n"))
    text = data.draw(
        st.sampled_from(
            [
                f"slack: {{channel: '#ops'}}\nsecret_vars: {{url: {line}\nx: [",
                f"secret_vars:\n  url: {line}: y: z\n  - x\n",
                f"secret_vars:\n  url: &{line} x\n  url: *{line}\n",
                f"secret_vars:\n  {line!r}: X\n  {line!r}: Y\n",
                f"secret_vars:\n\turl: {line}\n",
                f"secret_vars:\n  url: !{line} x\n",
                f"secret_vars: '{line}\n",
            ]
        )
    )
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert [part for part in parts_of(secret) if part in str(caught.value)] == [], str(caught.value)
