"""What an int8 file loses, against a slow loop over pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facedata.types import Float32Array
from facemodel.batches.to_input import ToInput
from facemodel.errors import ExportError
from facemodel.models.formats import Int8Candidates, Run
from facemodel.models.int8.choose import keep_smallest
from facemodel.models.int8.crops import Int8Crops
from facemodel.models.int8.judge import Int8Figures, Judge
from facemodel.spec import InputSpec

SIDE, DIM = 8, 16


def some_crops(people: int, photos: int) -> Int8Crops:
    """Return crops that differ from person to person, and less from photo to photo."""
    rng = np.random.default_rng(3)
    faces = rng.integers(0, 256, (people, 1, SIDE, SIDE, 3))
    noise = rng.normal(0, 40, (people, photos, SIDE, SIDE, 3))
    images = np.clip(faces + noise, 0, 255).astype(np.uint8).reshape(-1, SIDE, SIDE, 3)
    who = np.repeat(np.arange(people), photos)
    return Int8Crops(images[:0], images, who, ToInput(InputSpec(SIDE, "square", DIM)), "")


WEIGHTS = np.random.default_rng(0).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)


def network(images: Float32Array) -> list[Float32Array]:
    return [images.reshape(len(images), -1) @ WEIGHTS]


def spoilt(noise: float, seed: int = 1) -> Run:
    """Return the network with noise on its output, which depends on the image alone."""
    wild = np.random.default_rng(seed).normal(0, 100, WEIGHTS.shape)

    def run(images: Float32Array) -> list[Float32Array]:
        flat = images.reshape(len(images), -1).astype(np.float64)
        return [(network(images)[0] + 10 * noise * np.sin(flat @ wild)).astype(np.float32)]

    return run


def slow_tar(embeddings: Float32Array, who: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    """Return the highest share of pairs of one person accepted where at most 1 of 1,000 others is."""
    units = embeddings.astype(np.float64) / np.linalg.norm(embeddings.astype(np.float64), axis=1)[:, None]
    same, other = list[float](), list[float]()
    for left in range(len(who)):
        for right in range(left):
            (same if who[left] == who[right] else other).append(float(units[left] @ units[right]))
    others, best = np.sort(other)[::-1], 0.0
    for limit in same:  # the share changes at these only
        if np.mean(others >= limit) <= 1e-3:
            best = max(best, float(np.mean(np.array(same) >= limit)))
    return best


def test_the_rates_are_those_of_a_slow_loop() -> None:
    crops = some_crops(60, 4)
    figures = Judge(crops, "cosine", network, most_loss=0.5).judge(spoilt(1.0))
    ours, theirs = (run(crops.to_input(crops.judge).numpy())[0] for run in (network, spoilt(1.0)))
    assert (figures.crops, figures.people) == (240, 60)
    assert (figures.genuine, figures.impostors) == (60 * 6, 240 * 239 // 2 - 360)
    assert figures.tar_before == pytest.approx(slow_tar(ours, crops.people), abs=1e-12)
    assert figures.tar_after == pytest.approx(slow_tar(theirs, crops.people), abs=1e-12)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert figures.mean_cosine == pytest.approx(cosines.mean(), abs=1e-6)
    assert figures.least_cosine == pytest.approx(cosines.min(), abs=1e-6)
    assert figures.largest_difference == pytest.approx(np.abs(ours - theirs).max(), rel=1e-5)
    assert figures.loss is not None
    assert figures.loss > 0.5
    assert not figures.is_good


def test_the_same_network_loses_nothing() -> None:
    figures = Judge(some_crops(60, 4), "euclidean", network, most_loss=0.5).judge(network)
    assert figures.loss == 0
    assert figures.least_cosine == pytest.approx(1)
    assert figures.is_good
    assert "TAR at FAR 0.001" in figures.describe()


@pytest.mark.parametrize(("people", "photos", "most_loss"), [(10, 4, 0.5), (60, 4, 0.2), (150, 2, 0.2)])
def test_with_too_few_pairs_the_cosine_decides_and_it_is_said(
    people: int, photos: int, most_loss: float
) -> None:
    """0.2 points are 500 pairs of one person, and a rate of 0.001 takes 10,000 of two."""
    judge = Judge(some_crops(people, photos), "cosine", network, most_loss)
    near, far = judge.judge(spoilt(0.05)), judge.judge(spoilt(1.0))
    assert near.loss is far.loss is None
    assert near.to_json()["judged_by"] == "cosine"
    assert near.is_good
    assert not far.is_good
    assert "too few for TAR at FAR 0.001" in far.describe()


def test_a_network_that_is_another_one_is_not_good_however_well_it_does() -> None:
    """Thresholds and galleries of the model would not hold for it."""
    figures = Judge(some_crops(60, 4), "cosine", network, 100.0).judge(spoilt(1.0))
    assert figures.loss is not None
    assert figures.mean_cosine < 0.98
    assert not figures.is_good


def test_nan_is_never_good() -> None:
    judge = Judge(some_crops(60, 4), "cosine", network, 100.0)
    figures = judge.judge(lambda images: [network(images)[0] * np.float32(np.nan)])
    assert not figures.is_good


def candidates(out: Path, runs: list[str]) -> Int8Candidates:
    for text in runs:
        out.write_text(text)
        yield f"in float of {text}"


def read_text(runs: dict[str, Run]) -> Callable[[Path], Run]:
    return lambda path: runs[path.read_text()]


def test_the_first_candidate_that_is_good_enough_is_kept(tmp_path: Path) -> None:
    out, runs = tmp_path / "m", {"bad": spoilt(1.0), "good": spoilt(0.001), "better": network}
    judge = Judge(some_crops(60, 4), "cosine", network, 0.5)
    figures = keep_smallest(candidates(out, list(runs)), out, read_text(runs), judge)
    assert out.read_text() == "good"
    assert (figures["candidates"], figures["in_float"], figures["bytes"]) == (2, "in float of good", 4)
    assert Int8Figures(**{k: v for k, v in figures.items() if k in Int8Figures.__annotations__}).is_good


def test_where_none_is_good_the_best_is_named_and_no_file_left(tmp_path: Path) -> None:
    out, runs = tmp_path / "m", {"worse": spoilt(2.0), "bad": spoilt(0.7)}
    judge = Judge(some_crops(60, 4), "cosine", network, 0.5)
    with pytest.raises(ExportError, match=r"of 2 candidates the best \(in float: in float of bad\) has TAR"):
        keep_smallest(candidates(out, list(runs)), out, read_text(runs), judge)
    assert not out.exists()


def test_what_a_tool_raises_is_one_line_and_no_file_is_left(tmp_path: Path) -> None:
    def broken(out: Path) -> Int8Candidates:
        out.write_text("half")
        yield from ()
        raise RuntimeError("\nno kernel for Warp\nand a page of other things")

    judge = Judge(some_crops(10, 4), "cosine", network, 0.5)
    with pytest.raises(ExportError, match=r"cannot be quantised to int8: no kernel for Warp$"):
        keep_smallest(broken(tmp_path / "m"), tmp_path / "m", read_text({}), judge)
    assert not (tmp_path / "m").exists()
