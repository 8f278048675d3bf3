"""A .bin is a pickle, and a pickle can run anything: none of these do, and each is named with its place."""

from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facedata.errors import SourceError
from facedata.interchange import pickle_stream
from facedata.interchange.verification_bin import read_verification
from tests.support.pickled_pairs import pickle_any


class Runs:
    """Runs a command, or another function, when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


IMAGES = [b"\xff\xd8one", b"\xff\xd8two"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", ["images", "answers", "instead", "after"])
def test_no_command_is_run(tmp_path: Path, where: str, protocol: int) -> None:
    mark = tmp_path / "ran"
    attack = Runs(os.system, f"touch {mark}")
    values: dict[str, Any] = {
        "images": ([IMAGES[0], attack], [True]),
        "answers": (IMAGES, [attack]),
        "instead": attack,
        "after": (IMAGES, [True], attack),
    }
    path = pickle_any(tmp_path / "some.bin", values[where], protocol)
    with pytest.raises(SourceError, match=r"some\.bin was refused at byte \d+: it holds 'posix\.system'"):
        read_verification(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # so it is an attack


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Runs(eval, "1"), "builtins.eval"),
        (Runs(getattr, "a", "upper"), "builtins.getattr"),
        (Runs(bytearray, 1 << 40), "builtins.bytearray"),
        (Path("a"), "pathlib"),
        ({1: 2}, r"the instruction '\}'"),
        ({1, 2}, "the instruction"),
        (1.5, "the instruction 'G'"),
        (np.arange(3), "an array of 'i8'"),
        (np.array([{}], object), "the instruction|objects"),
        (np.array([1 + 2j]), "an array of 'c16'"),
        (1 << 100, "a number of 13 bytes"),
    ],
)
def test_what_a_file_may_not_hold_is_named(tmp_path: Path, value: object, named: str) -> None:
    with pytest.raises(SourceError, match=rf"was refused at byte \d+: it holds .*({named})"):
        read_verification(pickle_any(tmp_path / "some.bin", (IMAGES, [value]), 4))


_HEAD = b"\x80\x04]("


@pytest.mark.parametrize(
    "body",
    [
        b"B" + struct.pack("<I", 0xFFFFFFFF) + b"abc",
        b"\x8e" + struct.pack("<Q", 1 << 62) + b"abc",
        b"\x96" + struct.pack("<Q", 1 << 63) + b"abc",
        b"T" + struct.pack("<i", -1) + b"abc",
        b"X" + struct.pack("<I", 0x7FFFFFFF) + b"abc",
        b"\x8d" + struct.pack("<Q", 1 << 40) + b"abc",
        b"S'abc",
        b"Vabc",
        b"I" + b"9" * 5_000 + b"\n",
        b"h\x05",
        b"j\xff\xff\xff\x7f",
        b"gx\n",
        b"R",
        b"b",
        b"\x93",
        b"e",
        b"ee",
        b"a",
        b"\x87",
        b"q",
        b"cnumpy\n",
        b"cnumpy\ndtype\n)R",
        b"cnumpy\ndtype\n(K\x01tR",
        b"cnumpy.core.multiarray\n_reconstruct\n)R",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\ntR",
        b"cnumpy.core.multiarray\nscalar\n(NC\x01atR",
        b"c_codecs\nencode\n(C\x01aX\x05\x00\x00\x00utf-7tR",
        b"P1\n",
        b"Q",
        b"\x82\x01",
        b"\x92",
        b"\x81",
        b"ios\nsystem\n",
        b"(os\nsystem\no",
        b".",
        b"",
    ],
)
def test_instructions_that_lie_end_in_one_line(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "some.bin"
    path.write_bytes(_HEAD + body)
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"some\.bin (was refused at byte \d+|is no \.bin)"):
            read_verification(path)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_shape_of_many_axes_takes_no_time(tmp_path: Path) -> None:
    path = pickle_any(tmp_path / "some.bin", ([np.zeros(8, np.uint8)] * 2, [True]), 3)
    axes = b"(" + (b"\x8a\x08" + b"\xff" * 7 + b"\x7f") * 5_000 + b"t"
    path.write_bytes(path.read_bytes().replace(b"K\x08\x85", axes, 1))
    with pytest.raises(SourceError, match="an array with 5,000 axes"):
        read_verification(path)


def test_a_file_of_nothing_but_lists_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickle_stream, "_FEW_STEPS", 1_000)
    path = tmp_path / "some.bin"
    path.write_bytes(b"]" * 3_000 + b".")
    with pytest.raises(SourceError, match="too many values for its length"):
        read_verification(path)


def test_a_list_may_hold_itself_and_is_no_image(tmp_path: Path) -> None:
    images: list[Any] = [IMAGES[0]]
    images.append(images)
    with pytest.raises(SourceError, match="number 2 of its images"):
        read_verification(pickle_any(tmp_path / "some.bin", (images, [True])))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_ends_in_anything_but_a_line(tmp_path: Path, data: st.DataObject) -> None:
    arrays = [np.frombuffer(image, np.uint8) for image in IMAGES]
    protocol = data.draw(st.integers(0, 5))
    written = bytearray(pickle.dumps((data.draw(st.sampled_from([IMAGES, arrays])), [True]), protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(1, len(written)))
    path = tmp_path / "some.bin"
    path.write_bytes(written[:end])
    try:
        found = read_verification(path)
    except SourceError:
        return
    assert len(found.images) == 2 * len(found.same)
    assert all(span.start >= 0 and span.start + span.length <= end for span in found.images)
