"""The page of /infra amis: in every state, for any names, within Slack's limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st

from handlers.images import list_views
from runners.results import (
    AssessedImage,
    ImageGroup,
    ImageList,
    OrphanedImageResources,
    OrphanedSnapshot,
    OrphanedVolume,
    RecycleBin,
    Recycled,
    RecycleRule,
    Retention,
    Snapshot,
    Unreadable,
    What,
)
from tests.unit.bot.drawn import buttons, hostile, read

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = AT.timestamp()
NONE = OrphanedImageResources((), ())


def retention(image_id: str = "ami-1", kind: Retention = Retention.DELETABLE, **changes: Any) -> AssessedImage:
    group = ImageGroup("staging", "backend", "staging")
    usual = AssessedImage(
        "us-west-2", image_id, "staging-1", group, AT - timedelta(days=40), "available", kind,
        snapshots=(Snapshot("snap-1", 15),),
    )  # fmt: skip
    return replace(usual, **changes)


def test_the_page_begins_with_what_may_go_and_says_why_the_rest_stays() -> None:
    protected = retention("ami-2", Retention.IN_USE, reason="used by instance i-1 (stopped)")
    newest = retention("ami-3", Retention.NEWEST, reason="the newest one")
    unknown = retention("ami-4", Retention.UNKNOWN, reason="launch templates could not be read")
    unreadable = (Unreadable("eu-west-1", "launch templates", "AWS forbids it", "Allow it."),)
    orphaned = OrphanedImageResources(
        (OrphanedSnapshot("r", "snap-9", "ami-9", 15, AT),),
        (OrphanedVolume("r", "vol-1", 8, AT), OrphanedVolume("r", "v", 8, AT)),
    )
    message = list_views.page(ImageList((protected, retention(), newest, unknown), unreadable), orphaned, NOW)
    text = read(message)
    assert message.text == "4 images, 1 can be deleted (15 GB at most)"
    rows = [line for line in text.splitlines() if line.startswith("ami-")]
    assert [row.split(" ")[0] for row in rows] == ["ami-1", "ami-4", "ami-2", "ami-3"]
    for part in ("used by instance i-1 (stopped)", "the newest one", "unknown, so kept", "1 snapshot and 2 volumes", "launch templates in eu-west-1: AWS forbids it. Allow it."):  # fmt: skip
        assert part in text, part
    assert buttons(message) == ["clean-up-images"]


def test_without_anything_to_remove_there_is_no_button() -> None:
    message = list_views.page(ImageList((retention(kind=Retention.IN_USE),)), NONE, NOW)
    assert "1 image, none can be deleted" in read(message)
    assert buttons(message) == []


def test_the_page_of_some_has_a_button_for_all_and_says_so() -> None:
    part = ImageList((retention(kind=Retention.IN_USE),))
    message = list_views.page(part, NONE, NOW, part_of=list_views.Whole(12))
    assert buttons(message) == ["clean-up-images"]
    assert "This proposes 12 candidates of all machines and environments." in read(message)
    assert buttons(list_views.page(part, NONE, NOW, part_of=list_views.Whole(0))) == []


def test_the_recycle_bin_is_listed_with_its_rules_and_what_to_do() -> None:
    until = datetime.fromtimestamp(NOW + 86_400, UTC)
    recycled = [Recycled(What.IMAGE, "us-west-2", f"ami-{number}", "golden", until) for number in range(7)]
    recycle_bin = RecycleBin(tuple(recycled), (RecycleRule("us-west-2", What.SNAPSHOT, 7),))
    text = read(list_views.page(ImageList((), bin=recycle_bin), NONE, NOW))
    for part in (
        "image `ami-0` (golden) until",
        "and 2 more",
        "Restore them in EC2",
        "keeps deleted snapshots for 7 days",
    ):
        assert part in text, part


def test_ten_thousand_images_fit() -> None:
    many = tuple(retention(f"ami-{number:017x}") for number in range(10_000))
    message = list_views.page(ImageList(many), NONE, NOW)
    assert "10000 images, 10000 can be deleted" in read(message)
    assert "/infra amis <machine> <environment>" in read(message)
    assert buttons(message) == ["clean-up-images"]


@given(st.data())
def test_any_names_fit_and_mention_nobody(data: st.DataObject) -> None:
    draw = data.draw
    unreadable = (Unreadable(draw(hostile), draw(hostile), draw(hostile), draw(hostile)),)
    image = retention(reason=draw(hostile), used_by=(draw(hostile),), region=draw(hostile), name=draw(hostile))
    read(list_views.page(ImageList((image,), unreadable), NONE, NOW))
