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
        ({"zzz": "1"}, "zzz", "unknown key; use one of `slack`, `github`"),
        ({"slack": "{channel: ops}"}, "slack.channel", "is not a channel"),
        ({"slack": '{channel: "#Big Ops"}'}, "slack.channel", "is not a channel"),
        ({"slack": "{channel: 7}"}, "slack.channel", "must be text, not 7; put it in quotes"),
        ({"slack": "{channel: #ops\n  }"}, "slack.channel", 'put it in quotes: "#ops"'),
        ({"slack": "[x]"}, "slack", "must be a mapping of keys, not a list"),
        ({"github": "{repository: https://github.com/a/x}"}, "github.repository", "is a URL; write owner/name"),
        ({"github": "{repository: a/x.git}"}, "github.repository", "ends in .git"),
        ({"github": "{repository: acme}"}, "github.repository", "write owner/name"),
        ({"github": "{repository: a/..}"}, "github.repository", "write owner/name"),
        ({"github": "{repository: --upload-pack=x/y}"}, "github.repository", "write owner/name"),
        ({"aws": "{region: us-west}"}, "aws.region", "is not an AWS region"),
        ({"access": "{operators: [ana]}"}, "access.operators[0]", "is not a user ID"),
        ({"access": '{operators: ["@ana"]}'}, "access.operators[0]", "is not a user ID"),
        ({"access": "{operators: []}"}, "access.operators", "is empty"),
        ({"access": "{operators: U0ANA}"}, "access.operators", 'must be a list, not "U0ANA"'),
        ({"access": "{operators: [S0INFRA]}"}, "access.operators[0]", 'write "usergroup:" and the group ID'),
        ({"access": '{operators: ["usergroup:infra"]}'}, "access.operators[0]", "is not a user group"),
        ({"access": "{operators: [U0ANA]}"}, "environments.dev.approval", "nobody can approve"),
        ({"images": "{workflow: b.yml, refs: {reviewed: true}}"}, "images.refs.reviewed", "`allow`, which is empty"),
        ({"images": "{workflow: b.yml, refs: {apply_others: true}}"}, "images.refs.apply_others", "builds have none"),
        ({"images": "{workflow: b.yml, ami_name_tag: {bakend: x}}"}, "images.ami_name_tag.bakend", "mean `backend`?"),
        ({"images": "{workflow: b.yml, instance_tag: '{env}'}"}, "images.instance_tag", "unknown placeholder"),
        ({"images": "{workflow: b.yml, rerun: {times: 99}}"}, "images.rerun.times", "must be 10 or less"),
        ({"watch": "{builders: {every: often}}"}, "watch.builders.every", '"often" is not a duration'),
        ({"terraform": "{timeout: [1]}"}, "terraform.timeout", "the value is not a duration"),
        ({"operations": "{directory: ''}"}, "operations.directory", "is empty"),
    ],
)
def test_faults_at_the_top(top: dict[str, str], key: str, words: str) -> None:
    assert_faulted(text_of(top, {}), key, words)


@pytest.mark.parametrize(
    ("environment", "key", "words"),
    [
        ({"machins": "[a]"}, ".machins", "unknown key; did you mean `machines`?"),
        ({"refs": "{alow: [a]}"}, ".refs.alow", "unknown key; did you mean `allow`?"),
        ({"refs": '{allow: ["a b"]}'}, ".refs.allow[0]", "is not a branch or tag"),
        ({"refs": '{allow: ["a..b"]}'}, ".refs.allow[0]", "is not a branch or tag"),
        ({"refs": '{allow: ["[ab]"]}'}, ".refs.allow[0]", "is not a branch or tag"),
        ({"refs": '{allow: ["refs/pull/*/head"]}'}, ".refs.allow[0]", "is neither a branch nor a tag"),
        ({"refs": "{reviewed: true}"}, ".refs.reviewed", 'add `allow: ["**"]`, or remove it'),
        ({"refs": "{contained_in_protected: true}"}, ".refs.contained_in_protected", "`allow`, which is empty"),
        ({"refs": "{otherwise: ask}"}, ".refs.otherwise", "is not allowed; write"),
        ({"refs": "{otherwise: refuse, apply_others: true}"}, ".refs.apply_others", "has no effect"),
        ({"name": "dev"}, ".name", "unknown key; remove it: the environment's name is the key above it"),
        ({"machines": "[backend, backend]"}, ".machines", "lists backend twice; remove one"),
        ({"machines": '["a b"]'}, ".machines[0]", "is not a valid name"),
        ({"channel": "''"}, ".channel", "is not a channel"),
        (
            {"daemons": "{backnd: [x]}"},
            ".daemons.backnd",
            "is not in the environment's `machines`; did you mean `backend`?",
        ),
        ({"daemons": '{backend: ["a; rm -rf /"]}'}, ".daemons.backend[0]", "is not a valid service name"),
        ({"after": "dve"}, ".after", "dve is not an environment; did you mean `dev`?"),
        ({"after": "dev"}, ".after", "is the environment itself"),
        ({"windows": "[soon]"}, ".windows[0]", '"soon" is not a deploy window'),
        ({"windows": "[7]"}, ".windows[0]", "is not a deploy window"),
        ({"windows": '["Mon 9:00-25:00 UTC"]'}, ".windows[0]", "25:00 is not a time of day"),
        ({"windows": '["Moo 9:00-10:00 UTC"]'}, ".windows[0]", '"Moo" is not a day'),
        ({"windows": '["Mon 9:00-9:00 UTC"]'}, ".windows[0]", "at the same minute"),
        ({"windows": '["Mon 9:00-10:00 Mars/X"]'}, ".windows[0]", "is not a time zone"),
        ({"windows": '["Mon 9:00-10:00 ../../etc/passwd"]'}, ".windows[0]", "is not a time zone"),
        (
            {"approval": "{expires_after: 1 hour}"},
            ".approval.expires_after",
            '"1 hour" is not a duration; write for example 30s',
        ),
        ({"approval": "{expires_after: 30}"}, ".approval.expires_after", "is not a duration"),
        ({"approval": "{expires_after: 0m}"}, ".approval.expires_after", "is zero; write at least 1s"),
        ({"approval": "{expires_after: 9999d}"}, ".approval.expires_after", "ten years"),
        ({"approval": "{required: -1}"}, ".approval.required", "must be 0 or more"),
        ({"approval": "{required: yes}"}, ".approval.required", "must be a whole number, not true"),
        ({"approval": "{requester_may_approve: 1}"}, ".approval.requester_may_approve", "must be true or false, not 1"),
        ({"approval": "{approvers: []}"}, ".approval.approvers", "nobody can approve"),
        (
            {"approval": "{required: 2, approvers: [U0A, U0A]}"},
            ".approval.approvers",
            "needs 2 approvers, but only 1 can approve",
        ),
        (
            {"promote": "{from: main, to: main, repositories: [a/b]}"},
            ".promote.to",
            "is the same branch as `from`",
        ),
        ({"promote": "{from: main, repositories: [a/b]}"}, ".promote.to", "is missing"),
        ({"promote": "{from: main, to: -x, repositories: [a/b]}"}, ".promote.to", "is not a valid branch"),
        ({"promote": "{from: main, to: x, repositories: []}"}, ".promote.repositories", "is empty"),
        (
            {"promote": "{from: main, to: x, repositories: [a/b, A/b]}"},
            ".promote.repositories",
            "lists a/b twice; remove one",
        ),
        ({"promote": "{from: main, to: x, repositories: [a/b], wait: 1}"}, ".promote.wait", "is not a duration"),
        (
            {"terraform": "{directory: i, backend_config: {workspaces: {name: 7}}}"},
            ".terraform.backend_config.workspaces",
            "`name` must be a name with a text",
        ),
        (
            {"terraform": "{directory: i, backend_config: {bucket: [a]}}"},
            ".terraform.backend_config.bucket",
            "must be text",
        ),
        ({"code_deploy_after_old_image": "maybe"}, ".code_deploy_after_old_image", '"maybe" is not allowed; write'),
    ],
)
def test_faults_in_an_environment(environment: dict[str, str], key: str, words: str) -> None:
    assert_faulted(text_of({}, environment), "environments.dev" + key, words)


@pytest.mark.parametrize(
    ("terraform", "key", "words"),
    [
        ("{}", "", "has no runner"),
        ("{directory: a, hcp: {organization: o, workspace: w}}", "", "has two runners"),
        ("{terragrunt: a, directory: b}", "", "has two runners, `directory` and `terragrunt`"),
        ("{terragrunt: a, backend_config: {key: x}}", ".backend_config", "is for `directory`"),
        ("{hcp: {organization: o, workspace: 'a/b'}}", ".hcp.workspace", "has the wrong format"),
        ("{directory: /a}", ".directory", "is an absolute path"),
        ("{directory: ~/a}", ".directory", "is an absolute path"),
        ("{directory: a/../../b}", ".directory", 'without ".."'),
        ("{directory: -chdir=x}", ".directory", "is not a valid path"),
        ('{directory: "a\\nb"}', ".directory", "is not a valid path"),
        ("{directory: a, var_files: [../x.tfvars]}", ".var_files[0]", 'without ".."'),
        ("{directory: a, variables: ['x y']}", ".variables[0]", "is not a variable name"),
        ("{directory: a, protected: ['aws_*']}", ".protected[0]", "is not a resource type"),
        (
            "{directory: a, secret_environment: {X: SLACK_BOT_TOKEN}}",
            ".secret_environment.X",
            "is Signalbox's own secret",
        ),
        (
            "{directory: a, environment: {X: b}, secret_environment: {X: Y}}",
            ".secret_environment.X",
            "is also in environment",
        ),
    ],
)
def test_faults_in_terraform(terraform: str, key: str, words: str) -> None:
    assert_faulted(text_of({}, {"terraform": terraform}), "environments.dev.terraform" + key, words)


ANSIBLE = "directory: p, playbook: a.yml, user: u"


@pytest.mark.parametrize(
    ("deploy", "key", "words"),
    [
        ("{}", "", "has no runner"),
        (f"{{github_actions: {{workflow: x.yml}}, ansible: {{{ANSIBLE}}}}}", "", "has two runners"),
        ("{github_actions: {workflow: .github/workflows/x.yml}}", ".github_actions.workflow", "only the file name"),
        ("{github_actions: {workflow: deploy}}", ".github_actions.workflow", "is not a workflow file"),
        ("{github_actions: {workflow: x.yml, required_checks: []}}", ".github_actions.required_checks", "must be true"),
        (
            "{github_actions: {workflow: x.yml, required_checks: [1]}}",
            ".github_actions.required_checks",
            "must be true",
        ),
        ("{github_actions: {workflow: x.yml, ref: 1234567}}", ".github_actions.ref", "put it in quotes"),
        (
            "{github_actions: {workflow: x.yml, ref: a..b}}",
            ".github_actions.ref",
            "is not a valid branch, tag or commit",
        ),
        (
            "{github_actions: {workflow: x.yml, inputs: {a: b}, mark_input: a}}",
            ".github_actions.mark_input",
            "is also in",
        ),
        ("{github_actions: {workflow: x.yml, inputs: {a: true}}}", ".github_actions.inputs.a", "put it in quotes"),
        ("{ansible: {directory: p, playbook: '{machin}.yml', user: u}}", ".ansible.playbook", "unknown placeholder"),
        ("{ansible: {directory: p, playbook: a, user: u}}", ".ansible.playbook", "is not a playbook"),
        ("{ansible: {directory: p, playbook: ../a.yml, user: u}}", ".ansible.playbook", 'without ".."'),
        (
            "{ansible: {directory: p, playbook: a.yml, user: '-oProxyCommand=x'}}",
            ".ansible.user",
            "is not a valid login name",
        ),
        (f"{{ansible: {{{ANSIBLE}, port: 0}}}}", ".ansible.port", "must be 1 or more"),
        (f'{{ansible: {{{ANSIBLE}, port: "22"}}}}', ".ansible.port", 'must be a whole number, not "22"'),
        (f"{{ansible: {{{ANSIBLE}, address: dns}}}}", ".ansible.address", "'public_dns' or 'private_ip'"),
        (
            f"{{ansible: {{{ANSIBLE}, extra_vars: {{a: 1}}, secret_vars: {{a: B}}}}}}",
            ".ansible.secret_vars.a",
            "is also in",
        ),
        (
            f"{{ansible: {{{ANSIBLE}, secret_vars: {{a: GITHUB_TOKEN}}}}}}",
            ".ansible.secret_vars.a",
            "Signalbox's own secret",
        ),
    ],
)
def test_faults_in_a_deploy(deploy: str, key: str, words: str) -> None:
    assert_faulted(text_of({}, {"deploy": deploy}), "environments.dev.deploy" + key, words)


def test_ansible_without_machines_is_a_fault() -> None:
    environment = {"machines": "[]", "deploy": f"{{ansible: {{{ANSIBLE}}}}}"}
    assert_faulted(text_of({}, environment), "environments.dev.machines", "is empty, but ansible deploys to machines")


def test_an_apply_needs_somebody_even_where_nothing_requires_approval() -> None:
    top = {"access": "{operators: [U0ANA]}"}
    environment = {"approval": "{required: 0}"}
    assert read(text_of(top, environment)).environments["dev"].approval.required == 0
    text = text_of(top, environment | {"terraform": "{directory: a}"})
    assert_faulted(text, "environments.dev.approval", "needs approval for an apply, but nobody can approve")


def test_more_inputs_than_github_takes_are_a_fault() -> None:
    inputs = ", ".join(f"i{n}: x" for n in range(25))
    deploy = f"{{github_actions: {{workflow: x.yml, inputs: {{{inputs}}}, mark_input: mark}}}}"
    key = "environments.dev.deploy.github_actions.inputs"
    assert_faulted(text_of({}, {"deploy": deploy}), key, "has more than 25")


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
    rendered = [fault.key for fault in caught.value.faults]
    assert rendered == [key if key.startswith(("slack", "access")) else f"environments.dev.{key}"]


def test_a_channel_that_is_wrong_in_both_places_is_said_in_both() -> None:
    with pytest.raises(ConfigError) as caught:
        read(text_of({"slack": "{channel: ops}"}, {"channel": "dev"}))
    assert [fault.key for fault in caught.value.faults] == ["slack.channel", "environments.dev.channel"]
