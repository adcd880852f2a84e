"""Each thing that can be wrong in signalbox.yaml, with the key that is faulted and words of what is said."""

from __future__ import annotations

import pytest

from bot.config import ConfigError, read

TOP = {
    "slack": '{channel: "#ops"}',
    "github": "{repository: acme/infrastructure}",
    "aws": "{region: us-west-2}",
    "access": '{operators: [U0ANA], approvers: ["usergroup:S0LEADS"]}',
}
ENVIRONMENT = {"machines": "[backend, cron]", "deploy": "{github_actions: {workflow: deploy-dev.yml}}"}


def text_of(top: dict[str, str], environment: dict[str, str]) -> str:
    lines = [f"{key}: {value}" for key, value in (TOP | top).items() if value != "-"]
    inner = [f"    {key}: {value}" for key, value in (ENVIRONMENT | environment).items() if value != "-"]
    return "\n".join([*lines, "environments:", "  dev:", *inner, ""])


def assert_faulted(text: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    faults = caught.value.faults
    assert any(fault.key == key and words in fault.problem for fault in faults), str(caught.value)
    assert all(fault.line for fault in faults), str(caught.value)


def test_the_text_that_faults_are_put_into_has_none() -> None:
    assert list(read(text_of({}, {})).environments) == ["dev"]


@pytest.mark.parametrize(
    ("top", "key", "words"),
    [
        ({"slack": "-", "slck": "{}"}, "slck", "unknown key; did you mean `slack`?"),
        ({"slack": "-"}, "slack", "is missing"),
        ({"zzz": "1"}, "zzz", "unknown key; there are `slack`, `github`"),
        ({"slack": "{channel: ops}"}, "slack.channel", "is no channel"),
        ({"slack": '{channel: "#Big Ops"}'}, "slack.channel", "is no channel"),
        ({"slack": "{channel: 7}"}, "slack.channel", "needs text, not 7; put it in quotes"),
        ({"slack": "{channel: #ops\n  }"}, "slack.channel", 'put it in quotes: "#ops"'),
        ({"slack": "[x]"}, "slack", "needs keys below it, not a list"),
        ({"github": "{repository: https://github.com/a/x}"}, "github.repository", "is an address; write owner/name"),
        ({"github": "{repository: a/x.git}"}, "github.repository", "ends in .git"),
        ({"github": "{repository: acme}"}, "github.repository", "write owner/name"),
        ({"github": "{repository: a/..}"}, "github.repository", "write owner/name"),
        ({"github": "{repository: --upload-pack=x/y}"}, "github.repository", "write owner/name"),
        ({"aws": "{region: us-west}"}, "aws.region", "is no AWS region"),
        ({"access": "{operators: [ana]}"}, "access.operators[0]", "is no user id"),
        ({"access": '{operators: ["@ana"]}'}, "access.operators[0]", "is no user id"),
        ({"access": "{operators: []}"}, "access.operators", "is empty"),
        ({"access": "{operators: U0ANA}"}, "access.operators", 'needs a list, not "U0ANA"'),
        ({"access": "{operators: [S0INFRA]}"}, "access.operators[0]", 'write "usergroup:" and its id'),
        ({"access": '{operators: ["usergroup:infra"]}'}, "access.operators[0]", "is no user group"),
        ({"access": "{operators: [U0ANA]}"}, "environments.dev.approval", "nobody may give it"),
        ({"images": "{workflow: b.yml, suspicious: ['(']}"}, "images.suspicious[0]", "is no regular expression"),
        ({"images": "{workflow: b.yml, suspicious: ['']}"}, "images.suspicious[0]", "would match every line"),
        ({"images": "{workflow: b.yml, ami_name_tag: {bakend: x}}"}, "images.ami_name_tag.bakend", "mean `backend`?"),
        ({"images": "{workflow: b.yml, instance_tag: '{env}'}"}, "images.instance_tag", "unknown placeholder"),
        ({"images": "{workflow: b.yml, rerun: {times: 99}}"}, "images.rerun.times", "must be 10 or less"),
        ({"watch": "{builders: {every: often}}"}, "watch.builders.every", '"often" is no duration'),
        ({"terraform": "{timeout: [1]}"}, "terraform.timeout", "this is no duration"),
        ({"operations": "{directory: ''}"}, "operations.directory", "is empty"),
    ],
)
def test_faults_at_the_top(top: dict[str, str], key: str, words: str) -> None:
    assert_faulted(text_of(top, {}), key, words)


@pytest.mark.parametrize(
    ("environment", "key", "words"),
    [
        ({"machins": "[a]"}, ".machins", "unknown key; did you mean `machines`?"),
        ({"name": "dev"}, ".name", "unknown key; an environment's name is the key above it"),
        ({"machines": "[backend, backend]"}, ".machines", "lists backend twice"),
        ({"machines": '["a b"]'}, ".machines[0]", "is no name"),
        ({"channel": "''"}, ".channel", "is no channel"),
        (
            {"daemons": "{backnd: [x]}"},
            ".daemons.backnd",
            "not among the environment's machines; did you mean `backend`?",
        ),
        ({"daemons": '{backend: ["a; rm -rf /"]}'}, ".daemons.backend[0]", "is no name of a service"),
        ({"after": "dve"}, ".after", "dve is no environment; did you mean `dev`?"),
        ({"after": "dev"}, ".after", "names the environment itself"),
        ({"windows": "[soon]"}, ".windows[0]", '"soon" is no window'),
        ({"windows": "[7]"}, ".windows[0]", "is no window"),
        ({"windows": '["Mon 9:00-25:00 UTC"]'}, ".windows[0]", "25:00 is no time of day"),
        ({"windows": '["Moo 9:00-10:00 UTC"]'}, ".windows[0]", '"Moo" is no day'),
        ({"windows": '["Mon 9:00-9:00 UTC"]'}, ".windows[0]", "at the same minute"),
        ({"windows": '["Mon 9:00-10:00 Mars/X"]'}, ".windows[0]", "is no time zone"),
        ({"windows": '["Mon 9:00-10:00 ../../etc/passwd"]'}, ".windows[0]", "is no time zone"),
        ({"approval": "{expires_after: 1 hour}"}, ".approval.expires_after", '"1 hour" is no duration; write 30s'),
        ({"approval": "{expires_after: 30}"}, ".approval.expires_after", "is no duration"),
        ({"approval": "{expires_after: 0m}"}, ".approval.expires_after", "is no time at all"),
        ({"approval": "{expires_after: 9999d}"}, ".approval.expires_after", "ten years"),
        ({"approval": "{required: -1}"}, ".approval.required", "must be 0 or more"),
        ({"approval": "{required: yes}"}, ".approval.required", "needs a whole number, not true"),
        ({"approval": "{requester_may_approve: 1}"}, ".approval.requester_may_approve", "needs true or false, not 1"),
        ({"approval": "{approvers: []}"}, ".approval.approvers", "nobody may give it"),
        (
            {"approval": "{required: 2, approvers: [U0A, U0A]}"},
            ".approval.approvers",
            "needs 2 people to approve, but only 1",
        ),
        (
            {"promote": "{from: main, to: main, repositories: [a/b]}"},
            ".promote.to",
            "the branch that it is merged from",
        ),
        ({"promote": "{from: main, repositories: [a/b]}"}, ".promote.to", "is missing"),
        ({"promote": "{from: main, to: -x, repositories: [a/b]}"}, ".promote.to", "is no branch"),
        ({"promote": "{from: main, to: x, repositories: []}"}, ".promote.repositories", "is empty"),
        ({"promote": "{from: main, to: x, repositories: [a/b, A/b]}"}, ".promote.repositories", "lists a/b twice"),
        ({"promote": "{from: main, to: x, repositories: [a/b], wait: 1}"}, ".promote.wait", "is no duration"),
        ({"code_deploy_after_old_image": "maybe"}, ".code_deploy_after_old_image", '"maybe" is none of'),
    ],
)
def test_faults_in_an_environment(environment: dict[str, str], key: str, words: str) -> None:
    assert_faulted(text_of({}, environment), "environments.dev" + key, words)


@pytest.mark.parametrize(
    ("terraform", "key", "words"),
    [
        ("{}", "", "names no runner"),
        ("{directory: a, hcp: {organization: o, workspace: w}}", "", "names two runners"),
        ("{hcp: {organization: o, workspace: 'a/b'}}", ".hcp.workspace", "has an unfitting form"),
        ("{directory: /a}", ".directory", "is an absolute path"),
        ("{directory: ~/a}", ".directory", "is an absolute path"),
        ("{directory: a/../../b}", ".directory", 'without ".."'),
        ("{directory: -chdir=x}", ".directory", "is no path inside the repository"),
        ('{directory: "a\\nb"}', ".directory", "is no path inside the repository"),
        ("{directory: a, var_files: [../x.tfvars]}", ".var_files[0]", 'without ".."'),
        ("{directory: a, variables: ['x y']}", ".variables[0]", "is no name of a variable"),
        ("{directory: a, protected: ['aws_*']}", ".protected[0]", "is no resource type"),
        ("{directory: a, secret_environment: {X: SLACK_BOT_TOKEN}}", ".secret_environment.X", "is Signalbox's own"),
        (
            "{directory: a, environment: {X: b}, secret_environment: {X: Y}}",
            ".secret_environment.X",
            "among environment",
        ),
    ],
)
def test_faults_in_terraform(terraform: str, key: str, words: str) -> None:
    assert_faulted(text_of({}, {"terraform": terraform}), "environments.dev.terraform" + key, words)


ANSIBLE = "directory: p, playbook: a.yml, user: u"


@pytest.mark.parametrize(
    ("deploy", "key", "words"),
    [
        ("-", "", "is missing"),
        ("", "", "is empty"),
        ("{}", "", "names no runner"),
        (f"{{github_actions: {{workflow: x.yml}}, ansible: {{{ANSIBLE}}}}}", "", "names two runners"),
        ("{github_actions: {workflow: .github/workflows/x.yml}}", ".github_actions.workflow", "file's name alone"),
        ("{github_actions: {workflow: deploy}}", ".github_actions.workflow", "is no workflow file"),
        ("{github_actions: {workflow: x.yml, required_checks: []}}", ".github_actions.required_checks", "is neither"),
        ("{github_actions: {workflow: x.yml, required_checks: [1]}}", ".github_actions.required_checks", "is neither"),
        ("{github_actions: {workflow: x.yml, ref: 1234567}}", ".github_actions.ref", "put it in quotes"),
        ("{github_actions: {workflow: x.yml, ref: a..b}}", ".github_actions.ref", "is no branch, tag or commit"),
        ("{github_actions: {workflow: x.yml, inputs: {a: b}, mark_input: a}}", ".github_actions.mark_input", "as well"),
        ("{github_actions: {workflow: x.yml, inputs: {a: true}}}", ".github_actions.inputs.a", "put it in quotes"),
        ("{ansible: {directory: p, playbook: '{machin}.yml', user: u}}", ".ansible.playbook", "unknown placeholder"),
        ("{ansible: {directory: p, playbook: a, user: u}}", ".ansible.playbook", "is no playbook"),
        ("{ansible: {directory: p, playbook: ../a.yml, user: u}}", ".ansible.playbook", 'without ".."'),
        ("{ansible: {directory: p, playbook: a.yml, user: '-oProxyCommand=x'}}", ".ansible.user", "is no login name"),
        (f"{{ansible: {{{ANSIBLE}, port: 0}}}}", ".ansible.port", "must be 1 or more"),
        (f'{{ansible: {{{ANSIBLE}, port: "22"}}}}', ".ansible.port", 'needs a whole number, not "22"'),
        (f"{{ansible: {{{ANSIBLE}, address: dns}}}}", ".ansible.address", "'public_dns' or 'private_ip'"),
        (
            f"{{ansible: {{{ANSIBLE}, extra_vars: {{a: 1}}, secret_vars: {{a: B}}}}}}",
            ".ansible.secret_vars.a",
            "as well",
        ),
        (f"{{ansible: {{{ANSIBLE}, secret_vars: {{a: GITHUB_TOKEN}}}}}}", ".ansible.secret_vars.a", "Signalbox's own"),
    ],
)
def test_faults_in_a_deploy(deploy: str, key: str, words: str) -> None:
    assert_faulted(text_of({}, {"deploy": deploy}), "environments.dev.deploy" + key, words)


def test_ansible_without_machines_is_a_fault() -> None:
    environment = {"machines": "[]", "deploy": f"{{ansible: {{{ANSIBLE}}}}}"}
    assert_faulted(text_of({}, environment), "environments.dev.machines", "lists none")


def test_an_apply_needs_somebody_even_where_nothing_requires_approval() -> None:
    top = {"access": "{operators: [U0ANA]}"}
    environment = {"approval": "{required: 0}"}
    assert read(text_of(top, environment)).environments["dev"].approval.required == 0
    text = text_of(top, environment | {"terraform": "{directory: a}"})
    assert_faulted(text, "environments.dev.approval", "needs approval for an apply, but nobody may give it")


def test_more_inputs_than_github_takes_are_a_fault() -> None:
    inputs = ", ".join(f"i{n}: x" for n in range(25))
    deploy = f"{{github_actions: {{workflow: x.yml, inputs: {{{inputs}}}, mark_input: mark}}}}"
    key = "environments.dev.deploy.github_actions.inputs"
    assert_faulted(text_of({}, {"deploy": deploy}), key, "are more than 25")


def test_an_environment_with_a_bad_name_is_said_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read(text_of({}, {}).replace("  dev:", "  Dev!:"))
    assert [fault.key for fault in caught.value.faults] == ["environments.Dev!"]


@pytest.mark.parametrize(
    ("top", "environment", "key"),
    [
        ({}, {"machines": "backend", "deploy": "{ansible: {directory: p, playbook: d.yml, user: d}}"}, "machines"),
        ({}, {"machines": "backend", "daemons": "{backend: [queue]}"}, "machines"),
        ({"images": '{workflow: b.yml, ami_name_tag: {backend: "x"}}'}, {"machines": "backend"}, "machines"),
        ({}, {"machines": "[1, backend]"}, "machines[0]"),
        ({}, {"approval": "{approvers: U0LEE}"}, "approval.approvers"),
        ({}, {"approval": "{required: 2, approvers: [lee]}"}, "approval.approvers[0]"),
        ({}, {"approval": "7"}, "approval"),
        ({}, {"after": "4"}, "after"),
        ({"slack": "{channel: ops}"}, {}, "slack.channel"),
        ({}, {"channel": "ops"}, "channel"),
        ({"access": "{operators: [U0ANA], approvers: U0LEE}"}, {}, "access.approvers"),
    ],
)
def test_nothing_is_concluded_from_a_value_that_is_wrong_in_itself(
    top: dict[str, str], environment: dict[str, str], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text_of(top, environment))
    said = [fault.key for fault in caught.value.faults]
    assert said == [key if key.startswith(("slack", "access")) else f"environments.dev.{key}"]


def test_a_channel_that_is_wrong_in_both_places_is_said_in_both() -> None:
    with pytest.raises(ConfigError) as caught:
        read(text_of({"slack": "{channel: ops}"}, {"channel": "dev"}))
    assert [fault.key for fault in caught.value.faults] == ["slack.channel", "environments.dev.channel"]
