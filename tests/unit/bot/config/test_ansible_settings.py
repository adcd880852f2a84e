"""What `deploy.ansible` says of groups and collections, and each thing that can be wrong in it."""

from __future__ import annotations

import pytest

from bot.config import read
from tests.unit.bot.config.test_faults import assert_faulted, text_of


@pytest.mark.parametrize(
    ("setting", "key", "words"),
    [
        ("groups: [all]", "groups[0]", "all has every host already"),
        ('groups: ["web servers"]', "groups[0]", "is not a name for a group"),
        ("groups: web", "groups", "must be a list"),
        ("collections: [general]", "collections[0]", "is not a collection; write for example community.general"),
        ("collections: [{name: general}]", "collections[0].name", "is not the name of a collection"),
        ("collections: [{name: community.general, version: '$'}]", "collections[0].version", "not a range of versions"),
        ("ssh: {bastion: {host: b.example.com}}", "ssh.bastion.host_key", "missing"),
        ("ssh: {bastion: {host: 'b:22 -x', host_key: ssh-rsa AAAA}}", "ssh.bastion.host", "not the name or address"),
        ("ssh: {bastion: {host: b, host_key: AAAA}}", "ssh.bastion.host_key[0]", "is not a public host key"),
        ("ssh: {session_manager: perhaps}", "ssh.session_manager", "true or false"),
        (
            "ssh: {session_manager: true, bastion: {host: b, host_key: AAAA}}",
            "ssh.session_manager",
            "excludes `bastion`",
        ),
        ("ssh: {known_hosts: [web1]}", "ssh.known_hosts[0]", "is not a line of known_hosts"),
        ("ssh: {known_hosts_file: hosts.keys}", "ssh.known_hosts_file", "needs `inventory`"),
        ("inventory: h, host_keys: first_sight, ssh: {known_hosts: []}", "ssh.known_hosts", "excludes `host_keys`"),
        ("inventory: h, ssh: {known_hosts: [], known_hosts_file: k}", "ssh.known_hosts_file", "excludes `known_hosts`"),
        ("address: private_ip, ssh: {session_manager: true}", "address", "reaches instances by their ids; remove it"),
        ("collections: [{nam: community.general}]", "collections[0].nam", "did you mean `name`?"),
    ],
)
def test_faults_in_what_ansible_gets(setting: str, key: str, words: str) -> None:
    deploy = f"{{ansible: {{directory: p, playbook: d.yml, user: d, {setting}}}}}"
    assert_faulted(text_of({}, {"deploy": deploy}), f"environments.dev.deploy.ansible.{key}", words)


def test_a_collection_is_written_in_either_form() -> None:
    written = '[community.general, "community.docker>=3,<5", "amazon.aws:9.1.0", {name: acme.tools, version: ">=1"}]'
    deploy = f"{{ansible: {{directory: p, playbook: d.yml, user: d, collections: {written}}}}}"
    settings = read(text_of({}, {"deploy": deploy})).environments["dev"].deploy
    assert settings
    ansible = settings.ansible
    assert ansible
    ranges = {each.name: each.version for each in ansible.collections}
    assert ranges == {
        "community.general": "*",
        "community.docker": ">=3,<5",
        "amazon.aws": "9.1.0",
        "acme.tools": ">=1",
    }
