from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Config, load
from bot.errors import UserError
from handlers.plan import command as plan_command
from handlers.plan.command import Chosen
from handlers.shared.requests import plan_request


@pytest.fixture(scope="module")
def config() -> Config:
    return load(Path("signalbox.example.yaml"))


def test_addresses_and_variables_are_kept_and_taken_apart_again(config: Config) -> None:
    text = 'staging -target=module.machine["cron"] backend_ami=ami-0123 -replace=aws_instance.web[0] -target=module.db'
    environment, arguments = plan_command.read(config, text)
    assert environment.name == "staging"
    assert plan_command.chosen(arguments) == Chosen(
        {"backend_ami": "ami-0123"}, ('module.machine["cron"]', "module.db"), ("aws_instance.web[0]",)
    )
    assert '-target=module.machine["cron"] module.db' in plan_request(environment, "U1", "key", arguments).title


def test_quotes_that_a_keyboard_has_bent_are_straightened(config: Config) -> None:
    _, arguments = plan_command.read(config, "staging -target=module.machine[“cron”]")
    assert plan_command.chosen(arguments).targets == ('module.machine["cron"]',)


@pytest.mark.parametrize(
    "text",
    [
        "staging -target=",
        "staging -target=;reboot",
        "staging -target=$(reboot).x",
        "staging -target=../../etc",
        'staging -target=aws_instance.web["${file("/etc/passwd")}"]',
        "staging -replace=module.machine",
        "staging -replace=data.aws_ami.newest",
        "staging -destroy",
        "staging -var-file=/etc/passwd",
        "staging -target=a.b\n-destroy",
        "staging " + " ".join(f"-target=aws_instance.web[{number}]" for number in range(21)),
        "staging -target=aws_instance." + "w" * 400,
        "-target=aws_instance.web",
    ],
)
def test_what_is_no_address_is_refused_in_words(config: Config, text: str) -> None:
    with pytest.raises(UserError) as refused:
        plan_command.read(config, text)
    assert "Usage" in str(refused.value) or "addresses" in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("staging -target module.db", "The address of -target follows without a space: -target=ADDRESS."),
        ("staging -replace= -target=module.db", "-replace= lacks its address."),
        ("staging -auto-approve", "/plan takes no option “-auto-approve”, only -target, -replace and -ref."),
        ("-destroy staging", "/plan takes no option “-destroy”, only -target, -replace and -ref."),
        ("staging -\x1b[31m", "/plan takes no option “-?[31m”"),
    ],
)
def test_an_option_that_is_mistyped_is_told_as_an_option(config: Config, text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        plan_command.read(config, text)
    assert message in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_hcp_terraform_takes_addresses_too(config: Config) -> None:
    _, arguments = plan_command.read(config, "prod -target=module.machine -replace=aws_instance.web")
    assert plan_command.chosen(arguments) == Chosen({}, ("module.machine",), ("aws_instance.web",))
