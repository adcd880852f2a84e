"""What has changed between the hosts that approvers saw and those that there are: against a model of each kind of change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st

from runners.results import Host, host_differences, hosts_digest

IDS = st.sampled_from([f"i-{number}" for number in range(6)])
ROLES = st.sampled_from(["web", "db"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2"])
HOSTS = st.builds(
    lambda role, instance, address, port: Host("staging-1", role, instance, address, "ami-1", "a", port),
    *(ROLES, IDS, ADDRESSES, st.sampled_from([0, 2222])),
)
INVENTORIES = st.lists(HOSTS, max_size=8, unique_by=lambda host: (host.instance_id, host.machine)).map(tuple)


@given(displayed=INVENTORIES, data=st.data())
def test_each_kind_of_change_is_the_one_that_was_made(displayed: tuple[Host, ...], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(["same", "moved", "missing"]), min_size=8, max_size=8))
    changed = {"same": [], "moved": [], "missing": []}  # type: dict[str, list[Any]]
    now = []
    for number, (host, kind) in enumerate(zip(displayed, kinds, strict=False)):
        renamed = replace(host, name=f"staging-{number}", image_id="ami-2")  # EC2's names are numbered anew
        later = replace(renamed, address="10.9.9.9") if kind == "moved" else renamed
        now += [] if kind == "missing" else [later]
        changed[kind].append((host, later) if kind == "moved" else host)
    fresh = data.draw(st.lists(HOSTS, max_size=3, unique_by=lambda host: (host.instance_id, host.machine)))
    fresh = [
        host
        for host in fresh
        if (host.instance_id, host.machine) not in {(h.instance_id, h.machine) for h in displayed}
    ]
    since = host_differences(displayed, (*now, *fresh))
    assert since.new == tuple(fresh)
    assert since.moved == tuple(changed["moved"])
    assert since.missing == tuple(changed["missing"])
    assert since.refused is bool(fresh or changed["moved"])


@given(first=INVENTORIES, other=INVENTORIES)
def test_an_approval_is_bound_to_the_hosts_whatever_their_order(
    first: tuple[Host, ...], other: tuple[Host, ...]
) -> None:
    def listed(hosts: tuple[Host, ...]) -> set[tuple[Any, ...]]:
        return {(host.machine, host.name, host.instance_id, host.address, host.port) for host in hosts}

    assert hosts_digest(first) == hosts_digest(tuple(reversed(first)))
    assert (hosts_digest(first) == hosts_digest(other)) is (listed(first) == listed(other))
    assert bool(hosts_digest(first)) is bool(first)
