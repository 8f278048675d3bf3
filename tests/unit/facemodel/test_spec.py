"""Input specs: what they hold, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facemodel.errors import SpecError
from facemodel.spec import InputSpec, make_spec, read_spec

SPEC = InputSpec(112, "arcface112", 128, mean=(0.1, 0.2, 0.3), threshold=0.4, metric="cosine")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    SPEC.with_threshold(0.3, "cosine", 0.9).write(tmp_path / "spec.json")
    read = read_spec(tmp_path / "spec.json")
    assert (read.threshold, read.metric, read.class_threshold) == (0.3, "cosine", 0.9)
    assert read == SPEC.with_threshold(0.3, "cosine", 0.9)


def test_only_size_template_and_length_are_needed() -> None:
    assert make_spec({"size_px": 112, "template": "arcface112", "dim": 4}, "x") == InputSpec(
        112, "arcface112", 4
    )
    with pytest.raises(SpecError, match="x lacks template, dim"):
        make_spec({"size_px": 112}, "x")


def test_unknown_names_are_left_out() -> None:
    values = {**json.loads(SPEC.to_json()), "classes": ["a"], "sha256": "00"}
    assert make_spec(values, "x") == SPEC


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "cmyk"}, {"metric": "manhattan"}, {"size_px": 0}, {"size_px": "112"}, {"dim": 1.5},
        {"mean": [0.5]}, {"std": [0.5, 0.5, 0]}, {"mean": ["a", "b", "c"]},
        {"threshold": "x"}, {"threshold": float("nan")}, {"margin": None}, {"template": 3},
    ],
)  # fmt: skip
def test_values_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=r"the input spec net\.json"):
        make_spec({**json.loads(SPEC.to_json()), **change}, "net.json")


@pytest.mark.parametrize("text", ["", "[]", "{", '"spec"', "\xff"])
def test_files_that_are_no_spec(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SpecError, match=r"net\.json"):
        read_spec(tmp_path / "net.json")
    with pytest.raises(SpecError, match="there is no input spec"):
        read_spec(tmp_path / "none.json")
