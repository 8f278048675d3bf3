"""Pinned weights: downloaded once, resumed, refused when they are others; the user's own file."""

from __future__ import annotations

import hashlib
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from facedata import prepare
from facedata.cli import main
from facedata.config import PrepareConfig
from facedata.detect import weights
from facedata.detect.factory import make_factory
from facedata.detect.mtcnn.factory import MtcnnFactory
from facedata.detect.one_shot import retinaface_factory
from facedata.detect.one_shot.retinaface_factory import RetinafaceFactory
from facedata.detect.one_shot.yunet_factory import YunetFactory
from facedata.detect.weights import fetch_weights, find_weights, list_weights, pinned_weights
from facedata.errors import DownloadError, MissingExtraError, UsageError
from facedata.files.download import PinnedFile, fetch
from facedata.testing import marked_folder
from tests.support.facedata_command import here
from tests.support.local_server import CONTENT, Server
from tests.support.shared_data import SHARED, needs_shared

_SHARED_FILES = {
    "yunet": "face_detection_yunet_2023mar.onnx",
    "retinaface": "retinaface_mobilenet0.25_Final.pth",
}


@pytest.fixture
def served(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Let both detectors' weights be CONTENT, which a real server has."""
    for factory in (YunetFactory, RetinafaceFactory):
        remote = replace(factory.pinned.file, url=server.remote.url, sha256=server.remote.sha256)
        monkeypatch.setattr(factory, "pinned", replace(factory.pinned, file=remote))
    monkeypatch.setattr(weights, "fetch", _impatient)
    return server


def _impatient(remote: PinnedFile, folder: Path) -> Path:
    return fetch(remote, folder, timeout_s=5, backoff_s=0.001)


@needs_shared
@pytest.mark.parametrize("name", _SHARED_FILES)
def test_the_pins_are_those_of_the_published_files(name: str) -> None:
    data = (SHARED / "weights" / _SHARED_FILES[name]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == pinned_weights()[name].file.sha256
    assert len(data) == pinned_weights()[name].size_bytes


def test_every_pin_is_a_secure_address_with_a_hash() -> None:
    for pinned in pinned_weights().values():
        assert pinned.file.url.startswith("https://")
        assert pinned.file.url.endswith(pinned.file.name)
        assert len(bytes.fromhex(pinned.file.sha256)) == 32


def test_weights_are_downloaded_once(served: Server, tmp_path: Path) -> None:
    for _ in range(2):
        path = find_weights(YunetFactory.pinned, cache=tmp_path)
        assert path == tmp_path / "weights" / YunetFactory.pinned.file.name
        assert path.read_bytes() == CONTENT
    assert len(served.requests) == 1


def test_a_transfer_that_breaks_off_is_resumed(served: Server, tmp_path: Path) -> None:
    served.break_after = 400_000
    assert find_weights(YunetFactory.pinned, cache=tmp_path).read_bytes() == CONTENT
    assert served.requests == [None, "bytes=400000-", "bytes=800000-"]


def test_other_bytes_are_refused_and_both_hashes_named(served: Server, tmp_path: Path) -> None:
    served.content = b"something else"
    with pytest.raises(DownloadError) as error:
        find_weights(YunetFactory.pinned, cache=tmp_path)
    for text in (hashlib.sha256(served.content).hexdigest(), served.remote.sha256, "--weights PATH"):
        assert text in str(error.value)
    assert [path.name for path in (tmp_path / "weights").iterdir()] == [".lock"]


def test_a_damaged_cached_file_is_downloaded_again(served: Server, tmp_path: Path) -> None:
    path = find_weights(YunetFactory.pinned, cache=tmp_path)
    path.write_bytes(CONTENT[:-1])
    assert find_weights(YunetFactory.pinned, cache=tmp_path).read_bytes() == CONTENT
    assert len(served.requests) == 2


def test_no_network_is_one_line_that_says_what_to_do(served: Server, tmp_path: Path) -> None:
    served.shutdown()
    served.server_close()
    path = tmp_path / "weights" / RetinafaceFactory.pinned.file.name
    with pytest.raises(DownloadError) as error:
        find_weights(RetinafaceFactory.pinned, cache=tmp_path)
    text = str(error.value)
    assert "\n" not in text
    for part in (RetinafaceFactory.pinned.file.url, str(path), "--weights PATH"):
        assert part in text


def test_a_users_own_file_is_taken_without_network(served: Server, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    assert (
        find_weights(YunetFactory.pinned, tmp_path / "mine.onnx", tmp_path / "cache")
        == tmp_path / "mine.onnx"
    )
    assert served.requests == []
    assert not (tmp_path / "cache").exists()


def test_a_users_file_with_other_bytes_is_refused_by_name_and_hashes(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"others")
    with pytest.raises(UsageError) as error:
        find_weights(YunetFactory.pinned, tmp_path / "mine.onnx")
    for text in ("mine.onnx", hashlib.sha256(b"others").hexdigest(), YunetFactory.pinned.file.sha256):
        assert text in str(error.value)


def test_a_users_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.onnx: No such file"):
        find_weights(YunetFactory.pinned, tmp_path / "nowhere.onnx")


def test_a_worker_elsewhere_finds_its_own(
    served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert YunetFactory(weights="/not/on/this/machine.onnx").read_weights() == CONTENT
    assert (tmp_path / "facedata" / "weights" / YunetFactory.pinned.file.name).is_file()


def test_the_factory_knows_its_file_before_a_worker_starts(served: Server, tmp_path: Path) -> None:
    for name in ("yunet", "retinaface"):
        found = make_factory(name, 30.0, "cpu", cache=tmp_path)
        assert isinstance(found, YunetFactory | RetinafaceFactory)
        assert (found.min_face_px, found.device) == (30.0, "cpu")
        assert Path(str(found.weights)).read_bytes() == CONTENT
    assert make_factory("mtcnn", 30.0, "cpu") == MtcnnFactory(30.0, "cpu")


def test_weights_for_a_detector_that_takes_none_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--weights mine\.pt.*yunet and retinaface"):
        make_factory("mtcnn", 20.0, "cpu", "mine.pt")
    with pytest.raises(UsageError, match="mtcnn needs no weights"):
        fetch_weights(["mtcnn"])


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retinaface_factory, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs the extra facedata\[retinaface\]: pip install"):
        make_factory("retinaface", 20.0, "cpu")


def test_a_worker_without_the_extra_says_which_machine_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retinaface_factory, "find_spec", lambda name: None)
    monkeypatch.setattr(socket, "gethostname", lambda: "node-7")
    with pytest.raises(
        MissingExtraError, match=r"needs the extra facedata\[retinaface\] \(on the host node-7\): pip"
    ):
        RetinafaceFactory()()


def test_the_command_lists_and_fetches(
    served: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache", str(tmp_path)]
    assert main(["weights", "list", "--json", *cache]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed == list_weights(tmp_path)
    assert [(row["detector"], row["present"]) for row in listed] == [("yunet", False), ("retinaface", False)]
    assert main(["weights", "fetch", "all", *cache]) == 0
    assert capsys.readouterr().out.splitlines() == [row["path"] for row in listed]
    assert all(row["present"] for row in list_weights(tmp_path))
    assert main(["weights", "list", *cache]) == 0
    shown = capsys.readouterr().out
    for row in listed:
        assert all(str(row[name]) in shown for name in ("detector", "file", "sha256", "licence", "path"))
    assert shown.count(" downloaded: ") == 2
    assert "not downloaded" not in shown


def test_an_unknown_name_is_refused_before_anything_is_fetched(served: Server, tmp_path: Path) -> None:
    finished = here("weights", "fetch", "yunet", "dlib", "--cache", tmp_path)
    assert (finished.status, finished.stdout) == (2, "")
    assert "dlib" in finished.stderr
    assert served.requests == []


def test_prepare_refuses_a_wrong_file_before_it_makes_the_output(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=1, photos=1)
    (tmp_path / "mine.onnx").write_bytes(b"others")
    finished = here(
        "prepare", "folder", tmp_path / "photos", "--out", tmp_path / "faces",
        "--detector", "yunet", "--weights", tmp_path / "mine.onnx",
    )  # fmt: skip
    assert finished.status == 2
    assert finished.stderr.startswith(
        f"facedata: error: the weights {tmp_path / 'mine.onnx'} have the SHA-256"
    )
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "faces").exists()


def test_prepare_without_network_says_what_to_do(served: Server, tmp_path: Path) -> None:
    served.statuses = [404]
    marked_folder(tmp_path / "photos", people=1, photos=1)
    with pytest.raises(DownloadError, match="--weights PATH"):
        prepare(
            tmp_path / "photos",
            tmp_path / "faces",
            PrepareConfig(detector="yunet", cache=str(tmp_path / "cache")),
        )
    assert not (tmp_path / "faces").exists()


def test_the_file_shapes_nothing_since_only_one_content_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"x")
    with_file = PrepareConfig(detector="yunet", weights=str(tmp_path / "mine"))
    assert with_file.fingerprint() == PrepareConfig(detector="yunet").fingerprint()
    assert with_file.fingerprint() != PrepareConfig().fingerprint()
