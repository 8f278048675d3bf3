"""From what a user typed, or dataset.json names, to a source: what was typed comes out again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.sources.celeba import CelebaSource
from facedata.sources.demo import DemoSource
from facedata.sources.folder import FolderSource
from facedata.sources.lfw import LfwSource
from facedata.sources.open import open_source, reopen_source
from facedata.sources.table import TableSource

LONG = "x" * 300


@pytest.mark.parametrize("kind", ["folder", "table", "celeba", "lfw"])
@pytest.mark.parametrize("root", [LONG, f"name={LONG}", f"{LONG}.zip", f"name={LONG}.tgz"])
def test_a_path_longer_than_a_file_name_is_a_source_that_is_missing(kind: str, root: str) -> None:
    with pytest.raises(SourceError, match="too long"):
        open_source(root, PrepareConfig(kind=kind)).scan()


def test_a_path_with_an_equals_sign_that_is_there_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    assert open_source(str(tmp_path / "a=b"), PrepareConfig()).root == str(tmp_path / "a=b")


def test_several_folders_need_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two sources are named a"):
        open_source(["a=x", "a=y"], PrepareConfig())
    with pytest.raises(UsageError, match="several folders need names"):
        open_source(["a=x", "y"], PrepareConfig())


def info(kind: str, root: str, **settings: Any) -> dict[str, Any]:
    return {
        "source": {"kind": kind, "root": root},
        "settings": {"identity_from": "parent", "view": 1} | settings,
    }


def opened(kind: str, source: Any, **options: Any) -> Any:
    return open_source(source, PrepareConfig(kind=kind, **options))


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("folder", "photos"),
        ("folder", "/a/b=c/photos, of 2020"),
        ("folder", os.fsdecode(b"caf\xe9/photos")),
        ("folder", ["lfw=/data/lfw", "mine=photos"]),
        ("folder", ["only=photos"]),
        ("folder", ["a=x, y", "b=z=1"]),
        ("table", "boxes.csv"),
        ("table", ["boxes.csv", "/photos"]),
        ("celeba", "celeba.zip"),
        ("lfw", "lfw.tgz"),
        ("lfw", None),
        ("demo", None),
    ],
)
def test_the_source_is_the_one_that_was_typed(kind: str, typed: Any) -> None:
    before = opened(kind, typed)
    again = reopen_source(info(kind, before.root))
    assert type(again) is type(before)
    assert (again.root, again.kind) == (before.root, before.kind)
    if isinstance(before, FolderSource):
        assert again == before
    if isinstance(before, TableSource):
        assert isinstance(again, TableSource)
        assert (again.table, again.folder) == (before.table, before.folder)


def test_settings_and_cache_come_along(tmp_path: Path) -> None:
    folder = reopen_source(info("folder", "photos", identity_from="path"))
    assert isinstance(folder, FolderSource)
    assert folder.identity_from == "path"
    lfw = reopen_source(info("lfw", "lfw.tgz", view=2), cache=str(tmp_path))
    assert isinstance(lfw, LfwSource)
    assert (lfw.view, lfw._cache) == (2, tmp_path)
    original = opened("lfw", None, lfw_images="original")
    assert reopen_source(info("lfw", original.root)).root == original.root


def test_a_folder_whose_name_looks_like_several_is_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=x,b=y").mkdir()
    folder = reopen_source(info("folder", "a=x,b=y"))
    assert isinstance(folder, FolderSource)
    assert folder.roots == {"": Path("a=x,b=y")}


def test_moved_photos_are_where_the_user_says(tmp_path: Path) -> None:
    assert reopen_source(info("folder", "photos"), "elsewhere").root == "elsewhere"
    assert isinstance(reopen_source(info("celeba", "celeba/"), tmp_path), CelebaSource)
    assert reopen_source(info("table", "t.csv"), tmp_path).root == f"table=t.csv,root={tmp_path}"
    assert reopen_source(info("table", "table=t.csv,root=old"), [tmp_path]).root == (
        f"table=t.csv,root={tmp_path}"
    )
    assert reopen_source(info("table", "t.csv"), ["u.csv", "new"]).root == "table=u.csv,root=new"
    with pytest.raises(UsageError, match="at most 1"):
        reopen_source(info("celeba", "celeba/"), ["one", "two"])


class _Own:
    kind, root, face, search = "own", "somewhere", "largest", "photo"


def test_somebody_s_own_source_has_to_be_given_again() -> None:
    with pytest.raises(UsageError, match="'own', which facedata does not know"):
        reopen_source(info("own", "somewhere"))
    with pytest.raises(UsageError, match="pass the source object"):
        reopen_source(info("own", "somewhere"), "folder")
    source: Any = DemoSource()
    assert reopen_source(info("own", "somewhere"), source) is source


@pytest.mark.parametrize(
    ("kind", "typed", "limit"),
    [
        ("demo", "a", "no source, not 1"),
        ("celeba", ["a", "b"], "at most 1 source, not 2"),
        ("table", ["a", "b", "c"], "at most 2 sources, not 3"),
    ],
)
def test_more_paths_than_a_kind_takes_are_refused(kind: str, typed: Any, limit: str) -> None:
    with pytest.raises(UsageError, match=f"{kind} takes {limit}"):
        opened(kind, typed)


@pytest.mark.parametrize("kind", ["folder", "table", "celeba"])
def test_no_path_is_refused_where_one_is_needed(kind: str) -> None:
    with pytest.raises(UsageError, match="no source is given; this kind takes a"):
        opened(kind, None)


@pytest.mark.parametrize("kind", ["table", "celeba", "lfw"])
def test_only_folders_are_read_from_a_url(kind: str) -> None:
    with pytest.raises(UsageError, match="reads from this machine only, not from s3://bucket"):
        opened(kind, "s3://bucket/photos")
