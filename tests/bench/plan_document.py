"""A large plan as `terraform show -json` prints it: instances in modules, of which one in twenty changes."""

from __future__ import annotations

import msgspec

MARKS: dict[str, object] = {
    "tags": {},
    "root_block_device": [{"tags": {}}],
    "vpc_security_group_ids": [False, False],
    "cpu_options": [{}],
}
SECRET_MARKS: dict[str, object] = {**MARKS, "password": True}


def document(resources: int, *, all_new: bool = False) -> bytes:
    """A plan with so many instances (about 5 kB each): one in twenty changes and one in twenty has a secret, or all are new."""
    numbers = range(resources)
    state = [_resource(number) for number in numbers]
    return msgspec.json.encode(
        {
            "format_version": "1.2",
            "terraform_version": "1.11.4",
            "planned_values": _values(state),
            "resource_changes": [_change(number, all_new=all_new) for number in numbers],
            "prior_state": {"values": _values([] if all_new else state)},
            "configuration": {"root_module": {"module_calls": {"cluster": {"module": {}}}}},
            "applyable": True,
            "complete": True,
            "errored": False,
        }
    )


def _values(state: list[dict[str, object]]) -> dict[str, object]:
    return {"root_module": {"child_modules": [{"address": "module.cluster", "resources": state}]}}


def _resource(number: int) -> dict[str, object]:
    return {
        "address": _address(number),
        "mode": "managed",
        "type": "aws_instance",
        "name": "web",
        "index": str(number),
        "values": _attributes(number),
        "sensitive_values": _marks(number),
    }


def _change(number: int, *, all_new: bool) -> dict[str, object]:
    before, after = _attributes(number), _attributes(number)
    change: dict[str, object]
    if all_new:
        change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {"id": True, "arn": True}}
    elif number % 20 == 1:
        change = {"actions": ["update"], "before": before, "after": {**after, "ami": "ami-new"}, "after_unknown": {}}
    else:
        change = {"actions": ["no-op"], "before": before, "after": after, "after_unknown": {}}
    change |= {"before_sensitive": False if all_new else _marks(number), "after_sensitive": _marks(number)}
    return {"address": _address(number), "mode": "managed", "type": "aws_instance", "change": change}


def _address(number: int) -> str:
    return f'module.cluster.aws_instance.web["{number}"]'


def _marks(number: int) -> dict[str, object]:
    return SECRET_MARKS if number % 20 == 0 else MARKS


def _attributes(number: int) -> dict[str, object]:
    return {
        "id": f"i-{number:017x}",
        "ami": f"ami-{number:017x}",
        "arn": f"arn:aws:ec2:us-west-2:123456789012:instance/i-{number:017x}",
        "instance_type": "t3.large",
        "monitoring": False,
        "password": f"secret-{number:08d}",
        "subnet_id": f"subnet-{number % 7}",
        "tags": {"Name": f"web-{number}", "environment": "production", "team": "infrastructure"},
        "root_block_device": [{"encrypted": True, "iops": 3000, "tags": {}, "volume_size": 100, "volume_type": "gp3"}],
        "user_data": "#!/bin/sh\n" + "echo one more line of what a machine does when it starts\n" * 10,
        "vpc_security_group_ids": [f"sg-{number}", f"sg-{number + 1}"],
        "cpu_options": [{"amd_sev_snp": "", "core_count": 2, "threads_per_core": 2}],
        "timeouts": None,
    }
