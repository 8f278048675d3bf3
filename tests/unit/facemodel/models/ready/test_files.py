"""A ready model's file: downloaded once, resumed, refused when it is another; the user's own; offline."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from facedata.errors import DownloadError, StoreError, UsageError
from facedata.files.download import PinnedFile, fetch
from facemodel.models.ready import files
from facemodel.models.ready.files import fetch_ready, find_ready, list_ready
from facemodel.models.ready.table import BACKBONE, ONNX, READY
from facemodel.network.backbones import BACKBONES
from tests.support.facemodel_command import done, here
from tests.support.local_server import CONTENT, Server
from tests.support.ready_models import stand_in


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "facedata" / "weights"


@pytest.fixture
def served(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """`sface` is CONTENT, which a real server has."""
    stand_in(monkeypatch, server, "sface", CONTENT)
    monkeypatch.setattr(files, "fetch", _impatient)
    return server


def _impatient(remote: PinnedFile, folder: Path) -> Path:
    return fetch(remote, folder, timeout_s=5, attempts=1, backoff_s=0.001)


def test_every_row_is_a_secure_address_with_a_whole_hash() -> None:
    for name, row in READY.items():
        assert row.name == name
        assert row.file.url.startswith("https://")
        assert row.file.url.endswith(row.file.name)
        assert len(row.file.sha256) == 64
        assert row.kind == (ONNX if row.backbone is None else BACKBONE)
        assert (row.spec.threshold is None) == (row.spec.threshold_basis is None)  # none without a protocol


def test_a_ready_backbone_is_the_one_that_its_library_starts_from() -> None:
    row = READY["facenet-vggface2"]
    kind = BACKBONES[row.backbone or ""]
    assert (kind.weights, kind.mean, kind.std) == (row.file, row.spec.mean, row.spec.std)
    assert kind.features == row.spec.dim


def test_a_file_is_downloaded_once_and_then_no_server_is_needed(served: Server, cache: Path) -> None:
    assert find_ready("sface").path.read_bytes() == CONTENT
    served.statuses = [404] * 9
    assert find_ready("sface").path.parent == cache
    assert served.requests == [None]


def test_a_cut_download_is_resumed(served: Server, cache: Path) -> None:
    served.break_after = 400_000
    with pytest.raises(DownloadError, match="broke off after 400000 of 1000000 bytes"):
        find_ready("sface")
    served.break_after = None
    assert find_ready("sface").path.read_bytes() == CONTENT
    assert served.requests == [None, "bytes=400000-"]


def test_other_bytes_are_refused_and_removed(served: Server, cache: Path) -> None:
    served.content = CONTENT[::-1]
    with pytest.raises(DownloadError, match="expected SHA-256"):
        find_ready("sface")
    assert not [path for path in cache.iterdir() if path.name != ".lock"]


def test_without_a_network_one_line_says_what_to_bring_and_where(served: Server, cache: Path) -> None:
    served.statuses = [404] * 9
    row = READY["sface"]
    finished = here("enroll", "sface", "people", "--out", "g.parquet")
    assert finished.status == 1  # the folder of people is missing, and is said first
    finished = here("info", "sface")
    assert finished.status == 1
    for part in ("sface", row.file.url, row.file.sha256, str(cache / row.file.name), "--weights PATH", "MB"):
        assert part in finished.error


def test_a_file_of_the_users_own_must_be_the_pinned_one(served: Server, tmp_path: Path) -> None:
    own, other = tmp_path / "own.onnx", tmp_path / "other.onnx"
    own.write_bytes(CONTENT)
    other.write_bytes(b"something else")
    assert find_ready("sface", own).path == own
    theirs = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(UsageError, match=f"{theirs}; sface takes .* with {READY['sface'].file.sha256}"):
        find_ready("sface", other)
    with pytest.raises(UsageError, match=r"cannot read the weights .*missing: No such file"):
        find_ready("sface", tmp_path / "missing")
    assert served.requests == []


def test_a_file_of_the_users_own_can_be_put_into_the_cache(
    served: Server, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.onnx").write_bytes(CONTENT)
    finished = done("weights", "fetch", "sface", "--weights", tmp_path / "own.onnx")
    assert finished.stdout == f"{cache / READY['sface'].file.name}\n"
    assert find_ready("sface").path.read_bytes() == CONTENT
    assert served.requests == []
    with pytest.raises(UsageError, match="one model's file"):
        fetch_ready(["all"], tmp_path / "own.onnx")


def test_a_cache_that_cannot_be_written_is_said(served: Server, cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_bytes(b"a file in the folder's place")
    with pytest.raises(
        StoreError, match=r"the ready model sface cannot be kept: .* XDG_CACHE_HOME"
    ) as raised:
        find_ready("sface")
    assert "--cache" not in str(raised.value)


def test_a_cache_folder_may_be_named(served: Server, tmp_path: Path) -> None:
    (path,) = fetch_ready(["sface", "sface"], cache=tmp_path / "elsewhere")
    assert path == tmp_path / "elsewhere" / "weights" / READY["sface"].file.name


def test_a_misspelt_name_is_said_before_anything_is_downloaded(served: Server) -> None:
    finished = here("weights", "fetch", "sface", "facnet-vggface2")
    assert finished.status == 2
    assert "no ready model facnet-vggface2; did you mean facenet-vggface2?" in finished.error
    assert "there are sface, facenet-vggface2" in here("weights", "fetch", "xyz").error
    assert served.requests == []


def test_the_list_shows_licence_threshold_and_whether_it_is_there(served: Server, cache: Path) -> None:
    before = done("weights", "list").stdout
    assert f"not downloaded: {cache / READY['sface'].file.name}" in before
    done("weights", "fetch", "sface")
    rows = json.loads(done("weights", "list", "--json").stdout)
    assert [row["model"] for row in rows] == list(READY)
    assert [row["present"] for row in rows] == [True, False]
    assert rows == list_ready()
    text = done("weights", "list").stdout
    for part in (
        "Apache-2.0",
        "OpenCV Zoo",
        "cosine at least 0.363, published by OpenCV",
        "none is published",
    ):
        assert part in text


def test_the_list_needs_no_torch() -> None:
    program = (
        "import sys; from facemodel.cli import main; main(['weights', 'list']); "
        "print(sorted({'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()[-1] == "[]"
