"""Options: ranges, TOML and back, fingerprints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from facedata.config import CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig, parse_splits
from facedata.errors import UsageError
from facedata.options import from_toml, is_file, make, resolve_options, whole_number


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
        ("seed", float("inf")),
        ("seed", True),
        ("max_pixels", "100e6"),
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


def test_a_config_that_is_no_options_is_refused_with_what_to_write() -> None:
    wrong: Any = {"seed": 1}
    with pytest.raises(UsageError, match=r"config is \{'seed': 1\}; it takes a PrepareConfig, or .* seed=1"):
        resolve_options(PrepareConfig, wrong, {})
    assert resolve_options(PrepareConfig, None, {"seed": 3}) == PrepareConfig(seed=3)


@pytest.mark.parametrize("kind", [PrepareConfig, CropConfig])
def test_a_margin_is_for_square_only(kind: Any) -> None:
    assert kind(template="square", margin=0.5).margin == 0.5
    assert kind(template="arcface112").margin == 0.0
    for template in ("arcface112", "facenet160"):
        with pytest.raises(UsageError, match=f"--margin 0.5: the template {template} has a fixed margin"):
            kind(template=template, margin=0.5)


def test_cropping_anew_has_the_options_of_prepare() -> None:
    of_prepare = {field.name: field for field in dataclasses.fields(PrepareConfig)}
    for field in dataclasses.fields(CropConfig):
        assert field.metadata == of_prepare[field.name].metadata
        assert field.default == of_prepare[field.name].default


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


@pytest.mark.parametrize("text", ["100e6", "100000000", "1e8", " 100000000.0 "])
def test_whole_numbers_may_be_written_as_floats(text: str, tmp_path: Path) -> None:
    assert whole_number(text) == 100_000_000
    (tmp_path / "c.toml").write_text(f"max-pixels = {text}\n")
    found = from_toml(PrepareConfig, tmp_path / "c.toml")
    assert found == PrepareConfig(max_pixels=100e6)  # type: ignore[arg-type]
    assert type(found.max_pixels) is int
    assert found.fingerprint() == PrepareConfig().fingerprint()


@pytest.mark.parametrize("text", ["", "many", "1.5", "1e-3", "inf", "nan", "0x10", "9" * 5000])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"could not convert|is not a whole number"):
        whole_number(text)


def test_long_whole_numbers_stay_exact() -> None:
    assert whole_number(str(2**63 - 1)) == 2**63 - 1


@pytest.mark.parametrize("text", ["train=.75,test=.25", " train=0.750 , test=25e-2", "train=0.75,test=0.25"])
@pytest.mark.parametrize("kind", [PrepareConfig, SplitConfig])
def test_one_split_has_one_text(kind: type[PrepareConfig | SplitConfig], text: str) -> None:
    assert kind(splits=text).splits == "train=0.75,test=0.25"
    assert kind(splits=text).fingerprint() == kind().fingerprint()


@pytest.mark.parametrize(
    "text", ["a=1", "a=0.1,b=0.2,c=0.7", "a=0.333333333333,b=0.666666666667", "a=1e-7,b=1"]
)
def test_the_text_of_the_splits_keeps_every_digit(text: str) -> None:
    assert parse_splits(SplitConfig(splits=text).splits) == parse_splits(text)


def test_no_triplets_may_be_asked_for() -> None:
    assert TripletsConfig(count=0).count == 0


def test_a_pattern_longer_than_a_file_name_is_a_pattern() -> None:
    pattern = "x" * 300
    assert not is_file(pattern)
    assert not is_file("a\0b")
    assert PrepareConfig(split_from=pattern).settings()["split_from"] == pattern


def test_a_config_file_that_cannot_be_named_is_refused() -> None:
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(UsageError, match="cannot read the config file"):
            from_toml(PrepareConfig, Path(name))
    with pytest.raises(UsageError, match=r"cannot read the config file none\.toml: No such file or dir"):
        from_toml(PrepareConfig, Path("none.toml"))


def test_view_2_is_for_lfw() -> None:
    assert PrepareConfig(kind="lfw", view=2).view == 2
    with pytest.raises(UsageError, match="--view 2"):
        PrepareConfig(kind="celeba", view=2)


@pytest.mark.parametrize("kind", [PrepareConfig, SplitConfig])
def test_photos_have_no_stable_splits(kind: type[PrepareConfig | SplitConfig]) -> None:
    assert kind(stable=True, split_by="identity").stable
    with pytest.raises(UsageError, match="--stable"):
        kind(stable=True, split_by="photo")


def test_an_address_is_for_clusters_only() -> None:
    assert PrepareConfig(engine="dask", address="tcp://host:8786").address == "tcp://host:8786"
    with pytest.raises(UsageError, match="--address host:1 is for a cluster: add --engine dask"):
        PrepareConfig(address="host:1")


def test_the_engine_is_no_part_of_the_settings() -> None:
    assert PrepareConfig(engine="ray", address="host:1").settings() == PrepareConfig().settings()
