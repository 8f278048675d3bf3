"""Options that cannot be: refused with exit status 2, by name, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata import PrepareConfig, open_set, prepare
from facedata.errors import UsageError
from tests.support.facedata_command import SMALL, done, here, run
from tests.support.set_bytes import snapshot


def _wrong_use(photos: Path, out: Path, *options: object) -> str:
    refused = here("prepare", "folder", photos, "--out", out, *options)
    assert refused.status == 2
    assert not out.exists()
    return refused.error


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("--min-score", "-0.1 1.1 nan inf high"),
        ("--min-face", "0 -5 nan inf big"),
        ("--max-pixels", "0 -1 1.5 many"),
        ("--size", "0 15 4097 -240 1.5 240px"),
        ("--margin", "-0.1 4.1 nan inf"),
        ("--min-photos", "0 -1 two"),
        ("--view", "0 3 one"),
        ("--seed", "-1 0.5 none"),
        ("--pairs", "-5 1.5 some ² ٣x"),
        ("--triplets-per-photo", "-1 0.5"),
        ("--max-per-person", "0 -1 99999999999999999999"),
        ("--workers", "0 -1 2.5 all"),
        ("--face", "first"),
        ("--detector", "dlib"),
        ("--template", "round"),
        ("--split-by", "gender"),
        ("--store", "shelf"),
        ("--device", "tpu"),
    ],
)
def test_impossible_values_are_wrong_use(flag: str, values: str, photos: Path, tmp_path: Path) -> None:
    for value in values.split():
        assert flag in _wrong_use(photos, tmp_path / "faces", f"{flag}={value}"), value


@pytest.mark.parametrize(
    "splits",
    [
        "train=0.75", "train=0.75,test=0.5", "train=1.5,test=-0.5", "train=0,test=1", "train=0.5,train=0.5",
        "train=nan,test=0.5", "train=inf", "train", "=1", "", "train=a,test=b", "tr ain=1", "../x=1",
        "train=0.5,,test=0.5",
    ],
)  # fmt: skip
def test_impossible_ratios_are_wrong_use(splits: str, photos: Path, tmp_path: Path) -> None:
    assert "--splits" in _wrong_use(photos, tmp_path / "faces", "--splits", splits)


@pytest.mark.parametrize("flag", ["--identity-from", "--split-from"])
def test_a_pattern_that_is_none_is_wrong_use(flag: str, photos: Path, tmp_path: Path) -> None:
    assert flag in _wrong_use(photos, tmp_path / "faces", flag, "(")


def test_files_that_are_not_there_are_wrong_use(photos: Path, tmp_path: Path) -> None:
    for flag in ("--exclude", "--split-from"):
        error = _wrong_use(photos, tmp_path / "faces", flag, tmp_path / "none.txt")
        assert str(tmp_path / "none.txt") in error, flag


def test_a_missing_split_is_wrong_use(photos: Path, tmp_path: Path) -> None:
    assert "--split-by official" in _wrong_use(photos, tmp_path / "faces", "--split-by", "official")
    error = _wrong_use(photos, tmp_path / "faces", "--split-from", "^(train|test)/")
    assert "matches no photo's path, for example not 'person-00/00.png'" in error


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("colour = 'red'\n", "colour"),
        ("size = 'big'\n", "--size is 'big'"),
        ("size = 0\n", "--size is 0"),
        ("splits = 'train=2'\n", "--splits"),
        ("size = \n", "options.toml"),
        ("[prepare]\nsize = 64\n", "prepare"),
        ("min-face = nan\n", "--min-face"),
    ],
)
def test_a_config_file_is_held_to_the_same_rules(text: str, what: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text(text)
    assert what in _wrong_use(photos, tmp_path / "faces", "--config", tmp_path / "options.toml")


def test_a_config_file_that_is_no_text_file_is_wrong_use(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_bytes(b"\xff\xfe\0")
    for name in ("options.toml", "none.toml", ""):
        error = _wrong_use(photos, tmp_path / "faces", "--config", tmp_path / name)
        assert f"cannot read the config file {tmp_path / name}" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ("prepare", "folder", "x", "--out", "y", "--colour", "red"),
        (
            "prepare",
            "folder",
            "x",
            "--out",
            "y",
            "--siz",
            "64",
        ),  # not even where it is clear
        ("prepare", "folder", "x"),
        ("prepare", "instagram", "x", "--out", "y"),
        ("prepare",),
        ("bake", "x"),
        ("--colour",),
        ("info",),
        ("pairs", "x", "--strategy", "lucky"),
        ("triplets", "x", "--strategy", "official"),
    ],
)
def test_unknown_flags_and_commands_are_wrong_use(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = here(*arguments)
    assert refused.status == 2
    assert refused.error
    assert not list(tmp_path.iterdir())


def test_wrong_use_in_a_process_of_its_own(tmp_path: Path) -> None:
    unknown = run("prepare", "folder", tmp_path, "--out", tmp_path / "faces", "--colour", "red")
    assert unknown.status == 2
    assert "--colour" in unknown.error
    ratios = run("prepare", "folder", tmp_path, "--out", tmp_path / "faces", "--splits", "train=2")
    assert (ratios.status, ratios.stdout) == (2, "")
    assert ratios.stderr.startswith("facedata: error: --splits 'train=2'")


@pytest.mark.parametrize("config", [None, PrepareConfig()])
def test_an_unknown_option_of_a_call_is_wrong_use(
    config: PrepareConfig | None, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="colour"):
        prepare(photos, tmp_path / "faces", config, colour="red")
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("split", "--seed=-1 --splits=train=2 --splits=train --split-by=gender --seed=x"),
        ("pairs", "--count=-3 --count=x --max-per-person=0 --seed=-1 --uniform=cities"),
        ("triplets", "--count=-1 --per-photo=-1 --per-photo=0.5 --max-per-person=0 --seed=-1"),
    ],
)
def test_impossible_values_of_the_other_commands_leave_the_set_alone(
    command: str, options: str, finished_set: tuple[Path, Path]
) -> None:
    _, out = finished_set
    before = snapshot(out)
    for option in options.split():
        refused = here(command, out, option)
        assert refused.status == 2, option
        assert option.partition("=")[0] in refused.error
    assert snapshot(out) == before


@pytest.mark.parametrize("command", ["split", "pairs"])
def test_official_where_the_source_has_none_is_wrong_use(
    command: str, finished_set: tuple[Path, Path]
) -> None:
    _, out = finished_set
    before = snapshot(out)
    refused = here(command, out, "--split-by" if command == "split" else "--strategy", "official")
    assert refused.status == 2
    assert "official" in refused.error
    assert snapshot(out) == before


def test_no_pairs_and_no_triplets_may_be_asked_for(photos: Path, tmp_path: Path) -> None:
    """Zero is in the options' range, so a run must not fail on it once the photos are done."""
    out = tmp_path / "faces"
    none = ("--pairs", "0", "--triplets-per-photo", "0")
    done("prepare", "folder", photos, "--out", out, *SMALL, *none)
    assert [open_set(out).table(kind).num_rows for kind in ("pairs", "triplets")] == [0, 0]
    done("pairs", out)
    assert open_set(out).table("pairs").num_rows > 0
    done("pairs", out, "--count", "0")
    assert open_set(out).table("pairs").num_rows == 0


def test_an_exclude_line_that_names_nothing_is_said(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("person-00/00.png\r\nperson-9/9.png\r\n# why\r\n")
    finished = done(
        "prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL, "--exclude", tmp_path / "out.txt"
    )
    note = next(
        line for line in finished.stdout.splitlines() if line.startswith("note") and "excluded" in line
    )
    assert "1 photo excluded" in note
    assert "1 of its lines name no photo" in note
    assert "person-9/9.png" in note
