"""Images that a log names, in the styles that Packer prints; made-up logs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from tests.unit.runners.logs.test_scan_file import log_of, reading_of

WEST, EU = "ami-0123456789abcdef0", "ami-0123456789abcdef1"
BOTH = (("us-west-2", WEST), ("eu-west-1", EU))


def images_of(*lines: str) -> tuple[tuple[str, str], ...]:
    return reading_of(log_of(*lines)).images


@pytest.mark.parametrize(
    "lines",
    [
        ("--> amazon-ebs.web: AMIs were created:", f"us-west-2: {WEST}", f"eu-west-1: {EU}", ""),
        ("--> web: AMIs were created:", "", f"us-west-2: {WEST}", f"eu-west-1: {EU}", "", "us-east-1: ami-0123456789abcdef2"),
        ("--> web: AMIs were created:", f"us-west-2: {WEST}", "", "--> db: AMIs were created:", "", f"eu-west-1: {EU}"),
        (f"1795435200,web,artifact,0,id,us-west-2:{WEST}%!(PACKER_COMMA)eu-west-1:{EU}",),
        (f"1795435200,web,artifact,0,string,AMIs were created:\\nus-west-2: {WEST}\\neu-west-1: {EU}\\n",),
        (f"1795435200,,ui,say,--> web: AMIs were created:\\n\\nus-west-2: {WEST}\\neu-west-1: {EU}",),
        (f'      "artifact_id": "us-west-2:{WEST},eu-west-1:{EU}",',),
        (json.dumps({"builds": [{"artifact_id": f"us-west-2:{WEST}"}, {"artifact_id": f"eu-west-1:{EU}"}]}),),
    ],
)  # fmt: skip
def test_each_style_of_packer_names_its_images(lines: tuple[str, ...]) -> None:
    assert images_of("before", *lines, "after") == BOTH


@pytest.mark.parametrize(
    "line",
    [
        f"    amazon-ebs.web: Found Image ID: {WEST}",
        f"    amazon-ebs.web: us-west-2: {WEST}",
        f'"artifact_id": "us-west-2:{WEST}0"',
        f'"image_id": "us-west-2:{WEST}"',
        f"1795435200,web,artifact,0,files,us-west-2:{WEST}",
        '"artifact_id": "projects/x/images/y"',
    ],
)
def test_an_image_that_is_only_mentioned_is_not_a_job_s(line: str) -> None:
    assert images_of(line) == ()


IDS = st.from_regex(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", fullmatch=True, alphabet="ami-0123456789abcdef")
PAIRS = st.lists(
    st.tuples(st.sampled_from(["us-west-2", "eu-central-1", "us-gov-west-1"]), IDS), min_size=1, unique=True
)


@given(PAIRS)
def test_every_style_names_the_same_images(pairs: list[tuple[str, str]]) -> None:
    listed = ["--> x: AMIs were created:", *(f"{region}: {image}" for region, image in pairs)]
    together = ",".join(f"{region}:{image}" for region, image in pairs)
    machine = f"1795435200,x,artifact,0,id,{together.replace(',', '%!(PACKER_COMMA)')}"
    for lines in (listed, [machine], [f'"artifact_id": "{together}"']):
        assert images_of(*lines) == tuple(pairs)
