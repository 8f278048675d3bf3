"""Defaults that depend on the source: above all, whose splits count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from facedata.config import PrepareConfig
from facedata.errors import UsageError
from facedata.plan.defaults import choose_defaults
from facedata.sources.base import PlanBuilder, Scan


@dataclass(frozen=True)
class ASource:
    """A source of some kind; only what the defaults depend on."""

    kind: str = "folder"
    root: str = "photos"
    face: str = "center"
    search: str = "photo"

    def scan(self, *splits: str | None) -> Scan:
        """List a photo for each split."""
        plan = PlanBuilder()
        for number, split in enumerate(splits):
            plan.add(f"{number}.jpg", identity="ann", official_split=split, size=1, mtime_ns=1)
        return Scan(plan.table(), lambda photo: b"")


@dataclass(frozen=True)
class WithSplits(ASource):
    """A source whose own splits are what people expect."""

    splits_are_official = True


def split_by(source: ASource, *splits: str | None, **options: Any) -> str | None:
    return choose_defaults(PrepareConfig(**options), source, source.scan(*splits)).split_by


@pytest.mark.parametrize(
    ("source", "splits", "options", "expected"),
    [
        (ASource(), ("train", "test"), {}, "identity"),
        (ASource("celeba"), ("train", "test"), {"kind": "celeba"}, "identity"),
        (ASource("lfw"), ("train", "test"), {"kind": "lfw"}, "official"),
        (WithSplits(), ("train", "test"), {}, "official"),
        (WithSplits(), ("train", None), {}, "official"),
        (WithSplits(), (None, None), {}, "identity"),
        (WithSplits(), (), {}, "identity"),
        (WithSplits(), ("train", "test"), {"split_by": "identity"}, "identity"),
        (WithSplits(), ("train", "test"), {"split_by": "photo"}, "photo"),
        (ASource(), (None,), {"split_from": "(train|test)"}, "official"),
        (ASource(), ("train",), {"split_by": "official"}, "official"),
    ],
)
def test_whose_splits_count(
    source: ASource, splits: tuple[str | None, ...], options: dict[str, Any], expected: str
) -> None:
    assert split_by(source, *splits, **options) == expected


def test_official_splits_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="--split-by official: this source gives no photo a split"):
        split_by(WithSplits(), None, split_by="official")


def test_finished_crops_need_no_face_rule_and_no_device() -> None:
    source = ASource()
    crops = choose_defaults(PrepareConfig(as_crops=True, template="arcface112"), source, source.scan(None))
    assert (crops.face, crops.device, crops.size, crops.as_crops) == (None, "cpu", 112, True)
    assert PrepareConfig(**crops.settings()) == crops
    photos = choose_defaults(PrepareConfig(device="cpu"), source, source.scan(None))
    assert (photos.face, photos.size) == ("center", 240)
