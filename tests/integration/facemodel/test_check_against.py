"""`facemodel check --against` on real photos and a real network: people of two sets, by their faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import facedata
from facedata.errors import UsageError
from facemodel import check
from tests.support.facemodel_command import here
from tests.support.onnx_networks import matrix_net, mobilefacenet
from tests.support.overlapping_sources import OverlappingSources, overlapping_sources
from tests.support.people_set import people_set
from tests.support.set_bytes import snapshot
from tests.support.shared_data import needs_shared


def certificate(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "overlap.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> OverlappingSources:
    return overlapping_sources(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def sets(sources: OverlappingSources, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both sets, prepared with the real detector; not to be changed."""
    home = tmp_path_factory.mktemp("sets")
    for name, source in (("mine", sources.mine), ("theirs", sources.theirs)):
        facedata.prepare(source, home / name, template="arcface112", workers=1)
    return home / "mine", home / "theirs"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return matrix_net(tmp_path_factory.mktemp("net"))


@needs_shared
def test_people_are_found_by_other_photos_of_them(
    sets: tuple[Path, Path], sources: OverlappingSources, tmp_path: Path
) -> None:
    before = snapshot(sets[0]), snapshot(sets[1])
    network = mobilefacenet(tmp_path / "net")
    found = check(sets[0], network, sets[1], out=tmp_path / "check", workers=1)
    mine = certificate(tmp_path / "check")
    by_face = {row["identity"]: row["other"] for row in mine["people"] if "face" in row["by"]}
    names = sources.names["bytes"] | sources.names["saved"] | sources.names["mirrored"]
    everybody = names | sources.names["faces"]
    assert by_face == everybody
    assert {row["identity"]: row["other"] for row in mine["people"]} == everybody
    figures = mine["by"]["face"]
    assert figures["threshold_from"] == "estimated"
    assert figures["expected_false"] <= 0.03
    assert figures["missed"] <= 0.1
    assert figures["missed_by_photos"][0]["photos"] == [1, 1]
    rows = found.to_pandas().query("kind == 'shared_with_other_set'")
    assert set(rows.left_identity) == set(everybody)
    by_face_alone = rows[rows.left_identity.isin(sources.names["faces"])]
    assert len(by_face_alone) == 2 * len(sources.names["faces"])  # both photos of each
    assert (by_face_alone.value > by_face_alone.threshold).all()
    assert by_face_alone.why.str.contains("By their faces").all()
    assert (snapshot(sets[0]), snapshot(sets[1])) == before
    again = check(sets[0], network, sets[1], out=tmp_path / "check", workers=1)
    assert certificate(tmp_path / "check") == mine
    assert again.table.equals(found.table)
    kept = sorted(str(file.relative_to(tmp_path / "check")) for file in tmp_path.rglob("embeddings-*"))
    assert len(kept) == 2
    assert kept[0].startswith(f"against-{mine['other']['fingerprint'][:12]}/")


def test_a_network_of_nothing_says_what_it_cannot_tell(net: Path, tmp_path: Path) -> None:
    people_set(tmp_path / "mine", 12, 4)
    people_set(tmp_path / "theirs", 13, 3)
    finished = here("check", net, tmp_path / "mine", "--against", tmp_path / "theirs")
    assert "by face:" in finished.stdout
    assert certificate(tmp_path / "mine/check")["model"] is not None


def test_too_few_people_are_compared_by_all_but_their_faces(net: Path, tmp_path: Path) -> None:
    people_set(tmp_path / "mine", 4, 4)
    people_set(tmp_path / "theirs", 3, 3)
    check(tmp_path / "mine", net, tmp_path / "theirs")
    found = certificate(tmp_path / "mine/check")
    assert "face" not in found["by"]
    assert any("too few to tell" in note for note in found["notes"])


def test_another_template_is_refused_before_anything_is_embedded(net: Path, tmp_path: Path) -> None:
    people_set(tmp_path / "mine", 4, 4)
    people_set(tmp_path / "theirs", 3, 3)
    file = tmp_path / "theirs/dataset.json"
    info = json.loads(file.read_text())
    info["settings"]["template"] = "arcface112"
    file.write_text(json.dumps(info))
    with pytest.raises(UsageError, match=r"facedata crop .*theirs --template square"):
        check(tmp_path / "mine", net, tmp_path / "theirs")
    assert not (tmp_path / "mine/check").exists()
