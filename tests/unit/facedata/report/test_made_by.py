"""The commands are typed again, as far as the parser: they must ask for the set's own settings."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

import facedata
from facedata.cli import parser
from facedata.config import PrepareConfig
from facedata.flags import options_of
from facedata.report.made_by import list_commands
from facedata.sets.prepared import PreparedSet, open_set
from tests.support.report_sets import prepare_photos
from tests.support.small_set import make_set


def _typed(command: str) -> Any:
    program, *words = shlex.split(command)
    assert program == "facedata"
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 112, "template": "arcface112", "min_score": 0.75, "seed": 7, "max_pixels": 20_000_000},
        {"split_by": "photo", "splits": "train=0.6,val=0.2,test=0.2", "pairs": "all", "store": "tar"},
        {"stable": True, "pairs": "12", "triplets_per_photo": 3, "max_per_person": 4, "turn": "exif"},
        {"face": "only", "margin": 0.25, "licence": "with 'consent'; <b>", "identity_from": "(.)/[^/]*$"},
        {"split_from": "^(.)", "names": "exact", "min_photos": 2, "reference": "0.*"},
    ],
)
def test_the_command_asks_for_the_settings_of_the_set(tmp_path: Path, options: dict[str, Any]) -> None:
    prepared = prepare_photos(tmp_path, **options)
    (command,) = list_commands(prepared)
    typed = _typed(command)
    assert (typed.kind, typed.sources, typed.out) == ("folder", [str(tmp_path / "photos")], "faces")
    asked = options_of(typed, PrepareConfig)
    mine, recorded = asked.settings(), dict(prepared.info["settings"])
    for name in ("face", "size", "device", "split_by"):  # None and auto are found out by the run
        if mine[name] in (None, "auto"):
            mine[name] = recorded[name]
    assert {name: list(one) if isinstance(one, tuple) else one for name, one in mine.items()} == recorded
    assert asked.licence == options.get("licence")


def test_usual_values_are_not_typed(tmp_path: Path) -> None:
    prepared = prepare_photos(tmp_path, size=240, splits="train=0.75,test=0.25")
    assert list_commands(prepared) == [f"facedata prepare folder {tmp_path}/photos --out faces"]


def test_files_of_which_only_the_content_is_known_are_placeholders(tmp_path: Path) -> None:
    (tmp_path / "left-out.txt").write_text("*weak*\n")
    (tmp_path / "fix.csv").write_text("action,photo\ndrop,Amara/0.png\n")
    prepared = prepare_photos(
        tmp_path, exclude=str(tmp_path / "left-out.txt"), corrections=(str(tmp_path / "fix.csv"),)
    )
    (command,) = list_commands(prepared)
    assert "--exclude FILE" in command
    assert "--corrections FILE" in command


def test_what_was_split_or_drawn_again_is_a_command_of_its_own(tmp_path: Path) -> None:
    faces = prepare_photos(tmp_path).path
    assert isinstance(faces, Path)
    facedata.split_set(faces, splits="train=0.25,test=0.75", seed=3)
    facedata.pairs_set(faces, strategy="all")
    facedata.triplets_set(faces, split="test", count=9)
    _, *others = list_commands(open_set(faces))
    assert others == [
        "facedata split faces --splits train=0.25,test=0.75 --seed 3",
        "facedata pairs faces --strategy all",
        "facedata triplets faces --split test --count 9",
    ]
    for command in others:
        _typed(command)


def test_pairs_of_a_file_are_said_to_be_of_one(tmp_path: Path) -> None:
    faces = prepare_photos(tmp_path).path
    assert isinstance(faces, Path)
    (tmp_path / "pairs.csv").write_text("left,right,same\nAmara/0.png,Amara/1.png,1\n")
    facedata.pairs_set(faces, from_file=tmp_path / "pairs.csv")
    assert list_commands(open_set(faces))[1:] == ["facedata pairs faces --from FILE"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"kind": "folder", "root": "lfw=a/lfw,mine=b c"}, "folder lfw=a/lfw 'mine=b c'"),
        ({"kind": "table", "root": "table=t.csv,root=photos"}, "table t.csv photos"),
        ({"kind": "demo", "root": "demo"}, "demo"),
        ({"kind": "lfw", "root": "https://example.org/lfw.tgz"}, "lfw https://example.org/lfw.tgz"),
        ({"kind": "mine", "root": "<b>'\"\n"}, "mine '<b>'\"'\"'\"\n'"),
    ],
)
def test_a_source_is_typed_as_its_kind_takes_it(tmp_path: Path, source: dict[str, str], words: str) -> None:
    prepared: PreparedSet = make_set(tmp_path / "a set", {"anna": 2})
    prepared.info["source"] = source
    prepared.info["settings"]["kind"] = source["kind"]
    (command, *_) = list_commands(prepared)
    assert command.startswith(f"facedata prepare {words} --out 'a set'")
