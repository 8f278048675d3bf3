"""Caches, JSONs, galleries and landmarks that are damaged, hostile or silly: one line each, nothing lost."""

from __future__ import annotations

import errno
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import facedata
from facedata import open_set, template_matrix
from facedata.errors import StoreError, UsageError
from facemodel.batches.fitting_crops import FittingCrops
from facemodel.errors import ModelError, SpecError
from facemodel.models.formats import Int8Candidates
from facemodel.models.int8.choose import keep_smallest
from facemodel.models.int8.onnx_model import describe_network
from facemodel.models.onnx.files import external_files
from facemodel.models.onnx.network import OnnxEmbedder
from facemodel.models.ready.files import fetch_ready
from facemodel.models.ready.kept import kept_path, ready_spec
from facemodel.models.ready.table import READY
from facemodel.recognition.gallery_arrays import is_arrays
from facemodel.spec import make_spec
from tests.support.facemodel_command import here
from tests.support.onnx_networks import DIM, SPEC, matrix_net, odd_net
from tests.support.small_set import make_set

POINTS = [[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]]
BOX = [0, 0, 128, 128]
NAN = float("nan")
NAME = "faces-arcface112-48"


@pytest.mark.parametrize("template", ["square", "arcface112", "facenet160"])
@pytest.mark.parametrize(
    ("landmarks", "box", "size", "message"),
    [
        ([[1, 2], [3]], BOX, 112, "not five different points"),
        (["a"] * 5, BOX, 112, "not five different points"),
        ([["1", "2"]] * 5, BOX, 112, "not five different points"),
        (None, BOX, 112, "not five different points"),
        ([[1j, 1]] * 5, BOX, 112, "not five different points"),
        ([[1e306 * x, 1e306 * y] for x, y in POINTS], BOX, 112, "not five different points"),
        ([[1e-320 * x, 1e-320 * y] for x, y in POINTS], BOX, 112, "not five different points"),
        (POINTS, [0, [1], 2, 3], 112, "not x0 y0 x1 y1"),
        (POINTS, "0 0 1 1", 112, "not x0 y0 x1 y1"),
        (POINTS, [0, 0, 1e-300, 1e-300], 112, "not x0 y0 x1 y1"),
        (POINTS, [0, 0, 1e300, 1e300], 112, "not x0 y0 x1 y1"),
        (POINTS, BOX, "112", "the size is 112"),
        (POINTS, BOX, NAN, "the size is nan"),
        (POINTS, BOX, float("inf"), "the size is inf"),
        (POINTS, BOX, 10**30, "the size is 1000"),
    ],
)
def test_what_is_no_face_is_refused_whatever_it_is(
    template: str, landmarks: Any, box: Any, size: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        template_matrix(template, landmarks, box, size)


@pytest.mark.parametrize("template", [["square"], {}, None, 5])
def test_what_is_no_template_is_refused(template: Any) -> None:
    with pytest.raises(UsageError, match="there is no template"):
        template_matrix(template, POINTS, BOX, 112)


def test_a_damaged_archive_is_not_a_gallery(tmp_path: Path) -> None:
    """Any byte of it may be wrong, and it may end anywhere."""
    with zipfile.ZipFile(whole := io.BytesIO(), "w") as archive:
        archive.writestr("a.npy", "b")
    good, path = whole.getvalue(), tmp_path / "gallery.npz"
    for at in range(len(good)):
        for bad in (good[:at], good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]):
            path.write_bytes(bad)
            assert not is_arrays(path)


@pytest.mark.parametrize("text", ["[" * 50_000, '{"sha256": ' + "9" * 5_000 + "}", "\0", "null", ""])
def test_a_kept_threshold_that_cannot_be_read_says_what_to_do(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = kept_path(READY["sface"])
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(SpecError, match="remove the file, and the published one is used"):
        ready_spec(READY["sface"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 10**400}, "too large"),
        ({"margin": 10**400}, "too large"),
        ({"threshold_basis": "fine\n\x1b[31m"}, "not one line of text"),
    ],
)
def test_numbers_and_texts_that_no_terminal_or_float_takes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_spec({**SPEC, **changes}, "the test")


def test_no_memory_holds_these_images(tmp_path: Path) -> None:
    net = odd_net(tmp_path, shape=("n", 3, "height", "width"), size_px=1 << 31)
    with pytest.raises(SpecError, match="no memory holds these"):
        OnnxEmbedder(net, "cpu")


def varied(depth: int) -> bytes:
    """Return a protobuf message in a message, so many times: a node's attribute that is a graph."""
    data = b""
    for _ in range(depth):
        for key in (b"\x32", b"\x2a", b"\x0a"):  # attribute.g, node.attribute, graph.node
            data = key + length(len(data)) + data
    return b"\x3a" + length(len(data)) + data  # model.graph


def length(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


@pytest.mark.parametrize("content", [varied(2_000), b"\xff" * 3_000_000, b"\x3a" + b"\x80" * 3_000_000])
def test_a_file_of_graphs_in_graphs_or_of_one_endless_number_is_damaged(
    content: bytes, tmp_path: Path
) -> None:
    (path := tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="it is damaged"):
        external_files(path)


def test_the_json_beside_a_file_of_the_user_s_own_is_not_a_ready_model_s(tmp_path: Path) -> None:
    net = matrix_net(tmp_path)
    net.with_suffix(".json").write_text("no JSON")
    described = describe_network(OnnxEmbedder(net, "cpu", values=SPEC, name="sface"))
    assert (described["dim"], described["classes"]) == (DIM, [])


def test_names_are_wanted_where_a_file_is_given() -> None:
    with pytest.raises(UsageError, match="name that model alone"):
        fetch_ready([], weights="file.onnx")


def _fail(number: int) -> Iterator[str]:
    raise OSError(number, "the disk is full")


class _Judge:
    """Is never asked."""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_not_the_network_s_fault(number: int, tmp_path: Path) -> None:
    out = tmp_path / "small.onnx"

    def candidates() -> Iterator[str]:
        out.write_bytes(b"half")
        yield from _fail(number)

    some: Int8Candidates = candidates()  # type: ignore[assignment]
    with pytest.raises(StoreError, match=r"cannot write the int8 file: the disk is full; .*TMPDIR"):
        keep_smallest(some, out, lambda path: None, _Judge())  # type: ignore[arg-type,return-value]
    assert not out.exists()


@pytest.mark.parametrize("name", ["..", ".", "../crops/.."])
def test_crops_are_cut_beside_the_set_however_it_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = make_set(tmp_path / "faces", {"a": 2, "b": 2})
    monkeypatch.chdir(tmp_path / "faces" / ("" if name == "." else "crops"))
    assert open_set(name).fingerprint == faces.fingerprint
    spec = make_spec({**SPEC, "template": "arcface112", "crop_px": 48}, "the test")
    with pytest.raises(SpecError, match=re.escape(f"--out {tmp_path.resolve()}/faces-arcface112-48`")):
        FittingCrops.find(spec, open_set(name))


@pytest.mark.parametrize("what", ["a folder", "a file", "a link to nowhere"])
def test_nothing_is_cut_over_what_is_there(what: str, tmp_path: Path) -> None:
    faces = make_set(tmp_path / "faces", {"a": 2, "b": 2})
    spec, place = make_spec({**SPEC, "template": "arcface112", "crop_px": 48}, "the test"), tmp_path / NAME
    if what == "a folder":
        place.mkdir()
        (place / "mine.txt").write_text("precious")
    elif what == "a file":
        place.write_text("precious")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=f"--cut: .*{NAME} is there, and is no set that .*: move it away"):
        FittingCrops.find(spec, faces, cut=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_place_that_cannot_be_written_is_said_with_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("cannot write x: Read-only file system")

    faces = make_set(tmp_path / "faces", {"a": 2, "b": 2})
    monkeypatch.setattr(facedata, "crop_set", refuse)
    spec = make_spec({**SPEC, "template": "arcface112", "crop_px": 48}, "the test")
    with pytest.raises(StoreError, match=r"^--cut: cannot write x: .*`facedata crop .* and another --out"):
        FittingCrops.find(spec, faces, cut=True)


def test_arrays_are_no_gallery_to_identify_with(tmp_path: Path) -> None:
    ended = here("identify", matrix_net(tmp_path), tmp_path / "gallery.npz", tmp_path / "photo.jpg")
    assert ended.status == 2
    assert "gallery.npz is a gallery for other programs: name the .parquet" in ended.stderr
