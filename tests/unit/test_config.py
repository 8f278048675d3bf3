"""Options: ranges, TOML and back, fingerprints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from facedata.config import (
    PairsConfig,
    PrepareConfig,
    SplitConfig,
    TripletsConfig,
    from_toml,
    make,
    parse_splits,
)
from facedata.errors import UsageError


@pytest.mark.parametrize("kind", [PrepareConfig, SplitConfig, PairsConfig, TripletsConfig])
def test_toml_and_back(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(kind(seed=7).to_toml())
    assert from_toml(kind, tmp_path / "c.toml") == kind(seed=7)
    assert from_toml(kind, tmp_path / "c.toml", seed=8) == kind(seed=8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_score", 1.5),
        ("min_score", -0.1),
        ("min_score", float("nan")),
        ("min_score", "high"),
        ("size", 0),
        ("workers", 0),
        ("seed", -1),
        ("seed", 1.5),
        ("detector", "dlib"),
        ("view", 3),
        ("strict", "yes"),
        ("pairs", "some"),
        ("splits", "train=0.75"),
        ("splits", "train=0.5,train=0.5"),
        ("splits", "train=1.5,test=-0.5"),
        ("splits", "train"),
        ("splits", "=1"),
        ("splits", ""),
        ("margin", float("inf")),
        ("template", "round"),
    ],
)
def test_impossible_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}"):
        make(PrepareConfig, {name: value})


def test_unknown_options_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown option colour"):
        make(PrepareConfig, {"colour": "red"})


@pytest.mark.parametrize("text", ["not toml", "seed = ", "seed = 'x'"])
def test_bad_config_files_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError):
        from_toml(PrepareConfig, tmp_path / "c.toml")
    with pytest.raises(UsageError, match="cannot read"):
        from_toml(PrepareConfig, tmp_path / "none.toml")


def test_toml_may_spell_options_as_flags(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("min-face = 40\n")
    assert from_toml(PrepareConfig, tmp_path / "c.toml").min_face == 40.0


def test_only_what_shapes_the_set_is_in_the_fingerprint() -> None:
    plain = PrepareConfig()
    assert dataclasses.replace(plain, workers=7, cache="x", strict=True).fingerprint() == plain.fingerprint()
    assert dataclasses.replace(plain, seed=1).fingerprint() != plain.fingerprint()


def test_a_file_counts_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    for name, text in (("a", "x.jpg"), ("b", "x.jpg"), ("c", "y.jpg")):
        (tmp_path / name).write_text(text)
    one, two, three = (PrepareConfig(exclude=str(tmp_path / name)).fingerprint() for name in "abc")
    assert one == two != three


def test_ratios_keep_their_order() -> None:
    assert list(parse_splits("b=0.5, a=0.25,c=0.25")) == ["b", "a", "c"]
