"""What programs put before a line hides neither a failure nor a harmless line, also when there are several of them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.logs.carriers import CARRIERS, MOST_CARRIERS, Carrier, Carriers
from runners.logs.classifier import Classifier
from runners.logs.failure_patterns import BUILT_IN, configured
from runners.logs.lines import clean, screens

CLASSIFIER = Classifier([*BUILT_IN, configured("(?i)fatal:")], prefixes=["deploy@[a-z]+> "])
MISSING = "configure.sh: line 41: composer: command not found"
HARMLESS = "npm warn deprecated x@1.0.0: fatal: not maintained"
WRAPPED = [
    "err: {}",
    "10.0.1.12:22: out: {}",
    "#13 0.581 {}",
    " > [build 4/7] RUN ./configure.sh:\n0.581 {}",
    "2026/11/23 12:00:01 ui:     amazon-ebs.cron: {}",
    "2026/11/23 12:00:01 ui error: ==> amazon-ebs.cron: {}",
    "2026/11/23 12:00:01 packer-plugin-amazon plugin: {}",
    "1795435200,,ui,message,    amazon-ebs.cron: {}",
    "2026-11-23T12:00:00Z: ==> amazon-ebs.cron: {}",
    "2026-11-23T12:00:00+01:00:     amazon-ebs.cron: {}",
    "2026-11-23 12:00:00,123 p=71 u=root n=ansible | {}",
    "web-1  | {}",
    "aws_instance.cron (remote-exec): {}",
    "module.cron.aws_instance.this[0] (local-exec): {}",
    "Nov 23 12:00:00 ip-10-0-1-12 configure[812]: {}",
    "[   12.345678] cloud-init[812]: {}",
    "[stderr] {}",
    "    amazon-ebs.cron: [stderr] #13 0.581    {}",
    "\x1b[31merr: \x1b[1m{}\x1b[0m",
    "#9 1.20 10%\r#9 1.21 20%\r#9 1.30 {}",
    "2026-11-23T12:00:00.1234567Z web-1  | err: {}",
    "deploy@cron> {}",
    "out: deploy@cron> {}",
]


def name_of(text: str) -> str | None:
    names = []
    for line in clean(text.encode()).split(b"\n"):
        classified = CLASSIFIER.classify(screens(line))
        assert list(CLASSIFIER.candidates(line)) == [0] or classified is None
        names += [classified[0].name] if classified else []
    return names[0] if names else None


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_a_carrier_hides_neither_a_failure_nor_a_harmless_line(wrapped: str) -> None:
    assert name_of(wrapped.format(MISSING)) == "shell: command not found"
    assert name_of(wrapped.format(HARMLESS)) is None


@pytest.mark.parametrize("carrier", CARRIERS, ids=[carrier.name for carrier in CARRIERS])
def test_each_carrier_is_taken_off_its_example_and_nothing_else(carrier: Carrier) -> None:
    assert Carriers().texts(carrier.example)[-1] == "text"
    assert Carriers().ends(carrier.example) == [len(carrier.example) - len("text")]


def test_the_comma_of_packers_machine_readable_output_is_read() -> None:
    line = "1795435200,,ui,error,==> amazon-ebs.cron: E: Version '1%!(PACKER_COMMA)2' for 'php' was not found"
    assert name_of(line) == "apt: package not found"


def test_only_so_many_carriers_are_taken_off_a_line() -> None:
    assert len(Carriers().ends("err: " * 100 + MISSING)) == MOST_CARRIERS


@given(st.lists(st.sampled_from(CARRIERS), max_size=MOST_CARRIERS - 1))
def test_carriers_are_taken_off_in_any_order(carriers: list[Carrier]) -> None:
    prefix = "".join(carrier.example.removesuffix("text") for carrier in carriers)
    assert Carriers().texts(prefix + MISSING)[-1].endswith("composer: command not found")
    assert CLASSIFIER.classify([prefix + MISSING])
