"""Files of pairs as Python 2 and 3 pickle them, and ours as Python's own module loads them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata.errors import SourceError
from facedata.interchange.pickle_stream import read_span
from facedata.interchange.verification_bin import VerificationWriter, read_verification
from tests.support.mxnet_files import MXNET_FILES
from tests.support.pickled_pairs import pickle_any, pickle_pairs

IMAGES = [b"\xff\xd8one\n\\'\x00", b'\xff\xd8two"\r\x1a', bytes(range(256)) * 2, b"\xff\xd8one\n\\'\x00"]
SAME = [True, False]
protocols = pytest.mark.parametrize("protocol", range(6))


def read_back(path: Path) -> tuple[list[bytes], list[bool]]:
    found = read_verification(path)
    return [read_span(path, span) for span in found.images], found.same.tolist()


@pytest.mark.parametrize("protocol", range(3))
def test_what_python_2_pickled_is_read(protocol: int) -> None:
    images, same = read_back(MXNET_FILES / f"python2-protocol{protocol}.bin")
    assert same == [True, False, True, False]
    first = MXNET_FILES / "insightface/train.rec"
    assert images[0] in first.read_bytes()
    assert images[1] in first.read_bytes()
    assert [images.index(image) for image in images] == [0, 1, 0, 3, 3, 5, 1, 5]


_WAYS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "bytes": lambda: (IMAGES, SAME),
    "tuples": lambda: (tuple(IMAGES), tuple(SAME)),
    "numbers": lambda: (IMAGES, [1, 0]),
    "rows": lambda: ([np.frombuffer(image, np.uint8) for image in IMAGES], SAME),
    "columns": lambda: ([np.frombuffer(image, np.uint8).copy()[:, None] for image in IMAGES], SAME),
    "answers": lambda: (IMAGES, np.array(SAME)),
    "scalars": lambda: (IMAGES, list(np.array(SAME))),
    "one image twice": lambda: ([IMAGES[0], IMAGES[0], IMAGES[2], IMAGES[0]], SAME),
}


@protocols
@pytest.mark.parametrize("way", _WAYS)
def test_what_python_3_pickles_is_read(tmp_path: Path, way: str, protocol: int) -> None:
    images, same = _WAYS[way]()
    path = pickle_any(tmp_path / "some.bin", (images, same), protocol)
    assert read_back(path) == (
        [bytes(np.asarray(bytearray(image))) for image in images],
        [bool(one) for one in same],
    )


def test_numpy_1_s_names_are_known(tmp_path: Path) -> None:
    """Numpy 2 calls its modules otherwise; a file of numpy 1 differs in these names only."""
    written = pickle.dumps((_WAYS["columns"]()), 2).replace(b"numpy._core.", b"numpy.core.")
    (tmp_path / "some.bin").write_bytes(written)
    assert read_back(tmp_path / "some.bin") == (IMAGES, SAME)


def test_what_is_written_is_what_python_loads(tmp_path: Path) -> None:
    file = io.BytesIO()
    writer = VerificationWriter(file)
    first = writer.add(IMAGES[0])
    second = writer.add(IMAGES[1])
    writer.repeat(first)
    writer.add(IMAGES[2])
    writer.repeat(second)
    writer.repeat(first)
    same = np.array([True, False, True])
    writer.close(same)
    expected = [IMAGES[0], IMAGES[1], IMAGES[0], IMAGES[2], IMAGES[1], IMAGES[0]]
    for encoding in ("ASCII", "bytes"):
        assert pickle.loads(file.getvalue(), encoding=encoding) == (expected, [True, False, True])
    assert file.getvalue().count(IMAGES[0]) == 1
    (tmp_path / "ours.bin").write_bytes(file.getvalue())
    assert read_back(tmp_path / "ours.bin") == (expected, [True, False, True])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([IMAGES], "does not hold two lists"),
        ((IMAGES, SAME, SAME), "does not hold two lists"),
        (b"bytes", "does not hold two lists"),
        ((IMAGES, True), "not lists"),
        ((IMAGES, [True]), "4 images and 1 answers"),
        ((IMAGES, [True, False, True]), "4 images and 3 answers"),
        (([], []), "0 images and 0 answers"),
        ((IMAGES, [True, 2]), "answer 2 is neither true nor false"),
        ((IMAGES, [None, True]), "answer 1 is neither"),
        (([IMAGES[0], b""], [True]), "number 2 of its images"),
        (([IMAGES[0], 5], [True]), "number 2 of its images"),
        (([IMAGES[0], [IMAGES[0]]], [True]), "number 2 of its images"),
    ],
)
def test_other_values_are_refused(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(SourceError, match=rf"some\.bin is no \.bin for verification: .*{said}"):
        read_verification(pickle_any(tmp_path / "some.bin", value))


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_verification(tmp_path / "no.bin")
    (tmp_path / "empty.bin").touch()
    with pytest.raises(SourceError, match="is empty"):
        read_verification(tmp_path / "empty.bin")


def test_a_file_that_has_changed_gives_no_image(tmp_path: Path) -> None:
    path = pickle_pairs(tmp_path / "some.bin", IMAGES, SAME)
    spans = read_verification(path).images
    path.write_bytes(path.read_bytes()[: spans[2].start + 5])
    with pytest.raises(OSError, match="ends before byte"):
        read_span(path, spans[2])
