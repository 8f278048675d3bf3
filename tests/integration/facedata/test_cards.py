"""Cards of real exports: what other programs make of them, and what must not be in them."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard, DatasetCardData
from PIL import Image

from facedata import PreparedSet, export_set
from facedata.config import EXPORTS, PrepareConfig
from facedata.exports.cards.croissant import CROISSANT
from facedata.exports.cards.dataset_card import CARD, EDITED_CARD
from facedata.exports.write_export import Exported
from facedata.interchange.export_note import EXPORT_NOTE as NOTE
from facedata.sources.open import open_source
from tests.support.carded_sets import LICENCE, PEOPLE, body_of, carded_set, shown_text

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies' own
    import mlcroissant

# mlcroissant's own, of rdflib and of pandas
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated", "ignore:The inplace keyword")
each_format = pytest.mark.parametrize("form", EXPORTS)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return carded_set(tmp_path_factory.mktemp("carded"))


@pytest.fixture(scope="module")
def exports(faces: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    home = tmp_path_factory.mktemp("exports")
    return {form: export_set(faces, home / form, to=form) for form in EXPORTS}


def card_of(exported: Exported) -> str:
    return (exported.folder / CARD).read_text(encoding="utf-8")


def croissant_of(exported: Exported) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((exported.folder / CROISSANT).read_text(encoding="utf-8"))
    return values


@each_format
def test_neither_card_names_anybody_or_a_place(
    faces: PreparedSet, exports: dict[str, Exported], form: str
) -> None:
    assert_names_nobody(exports[form], faces)


@pytest.mark.parametrize("split", ["train", "test"])
def test_nor_somebody_of_another_split(faces: PreparedSet, tmp_path: Path, split: str) -> None:
    assert_names_nobody(export_set(faces, tmp_path / "out", to="csv", split=split), faces)


def assert_names_nobody(exported: Exported, faces: PreparedSet) -> None:
    words = ["Quux", "Xenia", "Wim", "Yorick", "Vera", "Zoë", "evil.example", "photographer 00", "Udo"]
    for name in (CARD, CROISSANT):
        text = (exported.folder / name).read_text(encoding="utf-8")
        assert not [word for word in words if word in text], name
        assert str(faces.path.parent) not in text
        assert str(exported.folder) not in text


NAMED = re.compile("Quux|Wim|Yorick|Vera|Zoë|Bad")


def kinds_with_names(exported: Exported) -> tuple[set[str], set[str]]:
    """Return which kinds of files name somebody, in their paths or bytes as other programs read them."""
    named, others = set[str](), set[str]()
    for file in exported.folder.rglob("*"):
        below = file.relative_to(exported.folder)
        if not file.is_file() or file.name in (CARD, CROISSANT):
            continue
        if file.suffix == ".tar":
            with tarfile.open(file) as archive:
                texts = [
                    (one.name, stream.read().decode("latin-1"))
                    for one in archive
                    if (stream := archive.extractfile(one)) is not None
                ]
            inside = {(Path(name).suffix, name + text) for name, text in texts}
        elif file.suffix == ".parquet":
            inside = {(f"{below.parts[0]}/", repr(pq.read_table(file).to_pydict()))}
        else:
            in_folder = len(below.parts) > 1 and file.suffix != ".jpg"
            kind = (
                f"{below.parts[0]}/" if in_folder else "".join(file.suffixes[-1 - (file.suffix == ".tsv") :])
            )
            kind = file.name if file.suffix in (".csv", ".json") and len(below.parts) == 1 else kind
            inside = {(kind, str(below) + file.read_bytes().decode("latin-1"))}
        for kind, text in inside:
            (named if NAMED.search(text) else others).add(kind)
    return named, others - named


@each_format
def test_the_card_says_which_files_have_names(exports: dict[str, Exported], form: str) -> None:
    named, others = kinds_with_names(exports[form])
    expected = {
        "imagefolder": ({".jpg", NOTE}, set()),
        "webdataset": ({".json"}, {".cls", ".jpg", NOTE}),
        "hf": ({"data/", "pairs/", "triplets/"}, {NOTE}),
        "rec": ({".lst", NOTE}, {".rec", ".idx", ".bin", ".pairs.tsv", ""}),
        "pairs-txt": ({".jpg", ".txt", NOTE}, set()),
        "csv": ({".jpg", "crops.csv", "photos.csv", "pairs.csv", "triplets.csv"}, {NOTE}),
        "coco": ({"annotations/"}, {NOTE}),
    }
    assert (named, others) == expected[form]
    text = shown_text(body_of(card_of(exports[form]))).partition("What is personal in it")[2]
    text = text.partition("To have somebody removed")[0]
    words = {".jpg": "folder", NOTE: "facedata-export.json has names"}
    assert not [kind for kind in named if words.get(kind, kind) not in text]
    assert (words[NOTE] in text) == (NOTE in named)


def test_a_rec_without_what_the_card_names_has_no_names(exports: dict[str, Exported], tmp_path: Path) -> None:
    shutil.copytree(exports["rec"].folder, tmp_path / "rec")
    for file in (tmp_path / "rec").glob("*.lst"):
        file.unlink()
    values = json.loads((tmp_path / "rec" / NOTE).read_text(encoding="utf-8"))
    (tmp_path / "rec" / NOTE).write_text(json.dumps({**values, "people": {}}), encoding="utf-8")
    assert not kinds_with_names(replace(exports["rec"], folder=tmp_path / "rec"))[0]
    photos = open_source(tmp_path / "rec", PrepareConfig(kind="rec")).scan().photos
    assert len(photos) == 18
    assert len(set(photos.column("identity").to_pylist())) == 6


@each_format
def test_the_head_is_what_hubs_read(exports: dict[str, Exported], form: str) -> None:
    card = DatasetCard(card_of(exports[form]))
    assert isinstance(card.data, DatasetCardData)
    values = card.data.to_dict()  # type: ignore[no-untyped-call]  # the library has half its types
    assert values == yaml.safe_load(card_of(exports[form]).split("---\n")[1])
    assert (values["license"], values["pretty_name"]) == ("other", "faces")
    assert re.fullmatch(r"[a-z0-9.-]+", values["license_name"])
    assert values["size_categories"] == ["n<1K"]
    assert ("configs" in values) == (form == "hf")


@each_format
def test_the_card_says_what_the_set_knows_and_leaves_the_rest_open(
    exports: dict[str, Exported], form: str
) -> None:
    text = shown_text(body_of(card_of(exports[form])))
    assert text.startswith(
        "faces 18 crops of faces of 6 people" if form != "coco" else "faces Boxes and landmarks of 18"
    )
    assert " ".join(LICENCE.split()) in text
    assert "train 9 3" in text
    assert "no_face 1 no face was found in it" in text
    assert "meta_consent yes" in text
    assert "meta_consent another text 5" in text
    assert "meta_consent nothing 1" in text
    assert text.count("Not stated. Write here") == 5
    assert "It was not checked" in text
    assert exports[form].note.fingerprint in text
    for sentence in exports[form].note.left_out:
        assert " ".join(sentence.split()) in text


@each_format
def test_croissant_is_valid_and_warns_of_nothing_but_what_is_open(
    exports: dict[str, Exported], form: str
) -> None:
    data = mlcroissant.Dataset(exports[form].folder / CROISSANT)
    found = data.metadata.ctx.issues
    assert not found.errors
    assert {re.findall(r'"([^"]*)"', text)[0].rpartition("/")[2] for text in found.warnings} == {
        "citeAs", "datePublished", "version",
    }  # fmt: skip
    assert data.metadata.license == [LICENCE]
    assert any("biometric" in text for text in data.metadata.personal_sensitive_information)
    named = {one.content_url: one.sha256 for one in data.metadata.distribution if hasattr(one, "content_url")}
    folder = exports[form].folder
    there = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]
    for file, digest in named.items():
        assert hashlib.sha256((folder / str(file)).read_bytes()).hexdigest() == digest
    left = {CARD, CROISSANT, *named}
    assert not [name for name in there if name not in left and not name.endswith(".jpg")]


def records(exported: Exported, name: str) -> list[dict[str, Any]]:
    """Return what mlcroissant reads, with short names and texts."""
    data = mlcroissant.Dataset(exported.folder / CROISSANT)
    rows = []
    for row in data.records(f"{name}-records"):
        short = {key.rpartition("/")[2]: value for key, value in row.items()}
        rows.append({key: one.decode() if isinstance(one, bytes) else one for key, one in short.items()})
    return rows


def test_parquet_is_read_through_croissant(faces: PreparedSet, exports: dict[str, Exported]) -> None:
    rows = records(exports["hf"], "data")
    classes = faces.table("classes").sort_by("id").to_pylist()
    by_id = {row["id"]: row for row in rows}
    for crop in classes:
        row = by_id[crop["id"]]
        assert (row["identity"], row["path"], row["split"]) == (crop["identity"], crop["path"], crop["split"])
        data = (Path(str(faces.path)) / crop["file"]).read_bytes()
        assert row["image"].tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert len(records(exports["hf"], "pairs")) == faces.info["tables"]["pairs"]["rows"]
    assert len(records(exports["hf"], "triplets")) == faces.info["tables"]["triplets"]["rows"]


def test_folders_are_read_through_croissant(faces: PreparedSet, exports: dict[str, Exported]) -> None:
    names = exports["imagefolder"].note.people
    found = {
        (row["split"], names.get(row["person"], row["person"]), row["path"].rpartition("/")[2])
        for row in records(exports["imagefolder"], "pictures")
    }
    rows = faces.table("classes").to_pylist()
    assert found == {(row["split"], row["identity"], row["path"].rpartition("/")[2]) for row in rows}
    assert {row["person"] for row in records(exports["pairs-txt"], "pictures")} <= {
        *exports["pairs-txt"].note.people,
        *PEOPLE,
    }


def test_tables_of_text_are_read_through_croissant(faces: PreparedSet, exports: dict[str, Exported]) -> None:
    rows = records(exports["csv"], "crops")
    classes = {row["id"]: row for row in faces.table("classes").to_pylist()}
    assert {row["id"]: row["identity"] for row in rows} == {n: row["identity"] for n, row in classes.items()}
    assert len(records(exports["csv"], "pairs")) == faces.info["tables"]["pairs"]["rows"]


_READ_TARS = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlcroissant
data = mlcroissant.Dataset(sys.argv[1])
pictures = [row["pictures-records/path"].decode() for row in data.records("pictures-records")]
facts = [json.loads(row["facts-records/json"]) for row in data.records("facts-records")]
print(json.dumps([pictures, facts]))
"""


def test_tars_are_read_through_croissant(
    faces: PreparedSet, exports: dict[str, Exported], tmp_path: Path
) -> None:
    """In a process of its own, whose folder for unpacked tars can be chosen; files are left open in it."""
    file = exports["webdataset"].folder / CROISSANT
    environment = {**os.environ, "CROISSANT_CACHE": str(tmp_path)}
    told = subprocess.check_output([sys.executable, "-c", _READ_TARS, str(file)], env=environment, text=True)
    pictures, facts = json.loads(told)
    rows = faces.table("classes").to_pylist()
    assert sorted(pictures) == sorted(f"{row['id']:09}.jpg" for row in rows)
    assert sorted(one["identity"] for one in facts) == sorted(row["identity"] for row in rows)
    assert any(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@each_format
def test_the_lines_on_the_card_run(exports: dict[str, Exported], form: str, tmp_path: Path) -> None:
    """As they stand, but for the folder."""
    (code,) = re.findall(r"```python\n(.*?)\n```", card_of(exports[form]), re.DOTALL)
    here: dict[str, Any] = {}
    code = code.replace("path/to/this/folder", str(exports[form].folder)).replace(
        '"faces"', repr(str(tmp_path / "again"))
    )
    exec(code, here)
    if form == "hf":
        assert here["data"][0]["image"].size == (48, 48)
        assert len(here["data"]) == 9
    elif form == "imagefolder":
        assert here["picture"].size == (48, 48)
    elif form == "webdataset":
        assert here["picture"].shape == (48, 48, 3)
        assert here["facts"]["identity"] in PEOPLE
    elif form == "csv":
        assert set(here["crops"]["identity"]) == set(PEOPLE)
    elif form == "rec":
        assert (tmp_path / "again" / "dataset.json").is_file()
    elif form == "pairs-txt":
        assert sum(map(len, here["pairs"].values())) > 0
    else:
        assert here["photos"]["annotations"]
    here.clear()
    gc.collect()  # webdataset leaves its shards open


def test_the_same_export_has_the_same_bytes(
    faces: PreparedSet, exports: dict[str, Exported], tmp_path: Path
) -> None:
    for form in ("hf", "csv"):
        again = export_set(faces, tmp_path / f"elsewhere-{form}", to=form)
        assert card_of(again) == card_of(exports[form])
        assert croissant_of(again) == croissant_of(exports[form])


def test_what_somebody_wrote_on_a_card_is_not_lost(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_set(faces, out, to="csv")
    again = export_set(faces, out, to="csv", overwrite=True)
    assert not (out / EDITED_CARD).exists()
    fresh = card_of(again)
    mine = fresh.replace("_Not stated. Write here whom to ask, and how fast they answer._", "Ask the office.")
    (out / CARD).write_text(mine, encoding="utf-8")
    again = export_set(faces, out, to="csv", overwrite=True)
    assert card_of(again) == fresh
    assert (out / EDITED_CARD).read_text(encoding="utf-8") == mine
    assert any(EDITED_CARD in line for line in again.lines)
    assert EDITED_CARD not in (out / CROISSANT).read_text(encoding="utf-8")


def test_a_known_licence_has_the_hub_s_identifier_and_an_address(tmp_path: Path) -> None:
    exported = export_set(carded_set(tmp_path, licence="CC BY-NC 4.0"), tmp_path / "out", to="csv")
    assert yaml.safe_load(card_of(exported).split("---\n")[1])["license"] == "cc-by-nc-4.0"
    assert croissant_of(exported)["license"] == "https://creativecommons.org/licenses/by-nc/4.0/"


def test_no_licence_is_left_open(tmp_path: Path) -> None:
    exported = export_set(carded_set(tmp_path, licence=None), tmp_path / "out", to="csv")
    assert "Write here under which licence" in card_of(exported)
    assert "license" not in croissant_of(exported)
    assert yaml.safe_load(card_of(exported).split("---\n")[1])["license"] == "unknown"


@pytest.mark.parametrize("name", ["---", "a: #", "[x](y) é😀", "1e3", "<script>"])
def test_a_set_may_have_any_name(tmp_path: Path, name: str) -> None:
    exported = export_set(carded_set(tmp_path, name), tmp_path / "out", to="csv")
    card = card_of(exported)
    assert yaml.safe_load(card.split("---\n", 2)[1])["pretty_name"] == name
    assert shown_text(body_of(card)).startswith(f"{name} 18 crops")
    assert mlcroissant.Dataset(exported.folder / CROISSANT).metadata.name == name
