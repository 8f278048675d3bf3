"""`fix` makes, byte for byte, what `prepare --corrections` makes from the photos, whatever is corrected."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from facedata import fix_set, open_set, prepare
from facedata.errors import CorrectionsError, NothingKeptError, PhotosLostError
from tests.support.fix_sources import SOURCES, Prepared
from tests.support.inline_engine import inline
from tests.support.set_bytes import set_bytes

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "folder": ("folder", {}),
    "few": ("folder", {"min_photos": 2, "store": "tar", "exclude": "EXCLUDE"}),
    "by photo": ("folder", {"split_by": "photo", "names": "exact", "pairs": "all"}),
    "stable": ("folder", {"stable": True, "min_photos": 3, "template": "arcface112", "size": 112}),
    "table": ("table", {}),
    "table in tars": ("table", {"store": "tar", "split_by": "identity", "min_photos": 2}),
    "lfw": ("lfw", {}),
    "celeba": ("celeba", {"split_by": "official"}),
}


@dataclass(frozen=True)
class Case:
    """A source, its set, and what can be corrected in it."""

    home: Path
    prepared: Prepared
    records: list[str]
    people: list[str]

    @property
    def set(self) -> Path:
        return self.home / "set"

    def prepare(self, out: Path, *corrections: Path) -> None:
        options = {**self.prepared.options, "corrections": tuple(map(str, corrections))}
        prepare(self.prepared.source, out, **options)


@pytest.fixture(autouse=True, scope="module")
def _in_this_process() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Return a variant's set, prepared once."""

    @lru_cache
    def of(name: str) -> Case:
        home = tmp_path_factory.mktemp("fix")
        source, options = VARIANTS[name]
        made = SOURCES[source](home / "photos")
        if options.get("exclude"):
            (home / "exclude.txt").write_text("anna/3.png\n")
            options = {**options, "exclude": str(home / "exclude.txt")}
        case = Case(home, Prepared(made.source, {**made.options, **options}), [], [])
        case.prepare(case.set)
        photos = open_set(case.set).table("photos", ["record", "identity"]).to_pydict()
        case.records.extend(photos["record"])
        case.people.extend(sorted({name for name in photos["identity"] if name is not None}))
        return case

    return of


@st.composite
def corrections(draw: st.DrawFn, case: Case) -> list[tuple[str, str, str, str]]:
    """A few lines, most of which go together."""
    lines = []
    people = st.sampled_from([*case.people, "+Somebody New", "+anna 2"])
    into = dict(draw(st.lists(st.tuples(people, people), max_size=2)))
    lines += [("merge", "", one, other) for one, other in into.items() if other not in into]
    records = draw(st.lists(st.sampled_from(case.records), unique=True, max_size=6))
    for record in records:
        action = draw(st.sampled_from(["drop", "drop", "move", "move", "keep"]))
        lines.append((action, record, "", draw(people) if action == "move" else ""))
    return draw(st.permutations(lines))


def write(file: Path, lines: list[tuple[str, str, str, str]]) -> Path:
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)
    file.write_text(f"action,photo,identity,to_identity\n{text}\n", encoding="utf-8")
    return file


def outcome(make: Callable[[], object]) -> object:
    """What a command says, where it refuses."""
    try:
        make()
    except (CorrectionsError, NothingKeptError) as error:
        return type(error), getattr(error, "lines", None)
    except PhotosLostError as error:
        return type(error), error.photos
    return None


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=6)
@given(data=st.data())
def test_fix_equals_prepare(cases: Callable[[str], Case], variant: str, data: st.DataObject) -> None:
    case = cases(variant)
    first = write(case.home / "first.csv", data.draw(corrections(case)))
    second = write(case.home / "second.csv", data.draw(corrections(case)))
    for name in ("anew", "fixed", "anew again", "fixed again"):
        shutil.rmtree(case.home / name, ignore_errors=True)
    if not compare(case, [first], case.set, [first], "anew", "fixed"):
        return
    compare(case, [first, second], case.home / "fixed", [second], "anew again", "fixed again")


def compare(
    case: Case, all_files: list[Path], before: Path, files: list[Path], anew: str, fixed: str
) -> bool:
    """Return whether there is a corrected set; it and the one from the photos must be equal."""
    wanted = outcome(lambda: case.prepare(case.home / anew, *all_files))
    found = outcome(lambda: fix_set(before, files, case.home / fixed, workers=1))
    if isinstance(found, tuple) and found[0] is PhotosLostError:
        event("photos of nobody moved")
        assert not (case.home / fixed).exists()
        return False
    assert found == wanted
    if isinstance(found, tuple):
        event(found[0].__name__)
        assert (case.home / fixed).exists() == (found[0] is NothingKeptError)
        return False
    event("equal")
    assert set_bytes(case.home / fixed) == set_bytes(case.home / anew)
    seen = [case.home / name / ".seen.arrow" for name in (fixed, anew)]
    assert seen[0].read_bytes() == seen[1].read_bytes()
    assert not (case.home / fixed / ".work").exists()
    return True
