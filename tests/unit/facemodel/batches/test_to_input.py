"""What a network is fed: right colours, known turns, one result on every device and for the same key."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from facedata import ClassManifest
from facemodel.batches.reader import CropReader, UInt8Batch, read_batches
from facemodel.batches.to_input import ToInput
from facemodel.batches.variation import Augmentation, Variation, resize_crop, vary_batch
from facemodel.spec import InputSpec
from tests.support.people_set import people_set

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def _spec(size: int, colour: str = "rgb") -> InputSpec:
    return InputSpec(size, "square", 8, colour=colour, mean=MEAN, std=STD)


def _soft(count: int, size: int = 60, seed: int = 0) -> UInt8Batch:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 8, 8, 3), dtype=np.uint8)
    soft = [cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse]
    return np.asarray(np.stack(soft), np.uint8)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_numbers_are_normalised_by_channel(colour: str, channels_last: bool) -> None:
    crops = _soft(3)
    found = ToInput(_spec(60, colour), "cpu", channels_last)(crops)
    assert found.dtype == torch.float32
    assert found.shape == (3, 3, 60, 60)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert found.is_contiguous(memory_format=layout)
    for channel in range(3):
        source = channel if colour == "rgb" else 2 - channel
        wanted = (crops[..., source] / 255.0 - MEAN[channel]) / STD[channel]
        assert np.abs(found[:, channel].numpy() - wanted).max() < 1e-5


def test_nothing_varies_without_a_key() -> None:
    crops = _soft(8)
    to_input = ToInput(_spec(60), augmentation=Augmentation(flip=True, rotate_deg=90))
    assert torch.equal(to_input(crops), ToInput(_spec(60))(crops))


def test_the_key_alone_decides() -> None:
    crops = _soft(16)
    to_input = ToInput(_spec(60), augmentation=Augmentation(flip=True, rotate_deg=10))
    first, again, other = (to_input(crops, (0, 1, step)) for step in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_threads_change_nothing() -> None:
    crops = _soft(16)
    augmentation = Augmentation(flip=True, rotate_deg=10)
    one, three = (ToInput(_spec(40), augmentation=augmentation, workers=n)(crops, (1,)) for n in (1, 3))
    assert torch.equal(one, three)


def test_crops_are_left_as_they_were() -> None:
    crops = _soft(16)
    before = crops.copy()
    for augmentation in (Augmentation(), Augmentation(flip=True, rotate_deg=10)):
        fed = ToInput(_spec(60), augmentation=augmentation)(crops, (1,))
        fed.fill_(7.0)
    assert np.array_equal(crops, before)


def test_half_of_the_crops_are_mirrored() -> None:
    variation = Variation.draw(10_000, Augmentation(flip=True), (3,))
    assert abs(variation.flips.mean() - 0.5) < 0.02
    assert not variation.angles_deg.any()
    crops = _soft(40)
    to_input = ToInput(_spec(60), augmentation=Augmentation(flip=True))
    shaped = to_input.shape(crops, to_input.shaping(40, (4,)))
    flips = Variation.draw(40, Augmentation(flip=True), (4,)).flips
    assert 5 < flips.sum() < 35
    for crop, ready, flip in zip(crops, shaped, flips, strict=True):
        assert np.array_equal(ready, crop[:, ::-1] if flip else crop)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("rotate_deg", [0.0, 10.0, 180.0])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_device_turns_as_the_cpu_does(flip: bool, rotate_deg: float, channels_last: bool) -> None:
    crops, augmentation = _soft(12), Augmentation(flip, rotate_deg)
    to_input = ToInput(_spec(44), "cpu", channels_last, augmentation)
    here = to_input(crops, (1, 2))
    there = vary_batch(to_input(crops), Variation.draw(12, augmentation, (1, 2)), to_input._black)
    assert here.is_contiguous() == there.is_contiguous()
    difference = (here - there).abs() * torch.tensor(STD).view(1, 3, 1, 1) * 255
    assert difference.max() < 1.01  # grey levels: OpenCV's result is rounded to whole ones


def test_what_comes_in_from_outside_is_black() -> None:
    crops = np.full((4, 50, 50, 3), 200, np.uint8)
    to_input = ToInput(_spec(50), augmentation=Augmentation(rotate_deg=45))
    shaped = to_input.shape(crops, to_input.shaping(4, (9,)))
    turned = np.abs(Variation.draw(4, to_input.augmentation, (9,)).angles_deg) > 10
    assert turned.any()
    assert (shaped[turned][:, 0, 0] == 0).all()
    fed = to_input(crops, (9,))
    black = (torch.zeros(3) - torch.tensor(MEAN)) / torch.tensor(STD)
    assert torch.allclose(fed[torch.from_numpy(turned)][:, :, 0, 0], black.expand(int(turned.sum()), 3))


def test_crops_of_any_size_are_fitted() -> None:
    crops = _soft(5, size=60)
    found = ToInput(_spec(30)).shape(crops, ToInput(_spec(30)).shaping(5))
    assert found.shape == (5, 30, 30, 3)
    assert np.array_equal(found[3], resize_crop(crops[3], 30))
    tensor = ToInput(_spec(30))(torch.from_numpy(crops))
    assert torch.equal(tensor, ToInput(_spec(30))(crops))


def test_no_crops_give_no_input() -> None:
    for size in (60, 30):
        assert ToInput(_spec(size))(np.empty((0, 60, 60, 3), np.uint8), (1,)).shape == (0, 3, size, size)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("rotate_deg", [0.0, 10.0])
def test_a_gpu_is_fed_the_same(rotate_deg: float) -> None:
    crops, augmentation = _soft(12), Augmentation(flip=True, rotate_deg=rotate_deg)
    here, there = (ToInput(_spec(44), name, True, augmentation)(crops, (3,)) for name in ("cpu", "cuda"))
    difference = (here - there.cpu()).abs() * torch.tensor(STD).view(1, 3, 1, 1) * 255
    assert difference.max() < 1.01


@pytest.mark.parametrize("side", [24, 16])
def test_crops_can_be_shaped_while_they_are_read(tmp_path: Path, side: int) -> None:
    """In one pass, in the threads that decode: the same bytes as in two; crops that repeat vary apart."""
    classes = ClassManifest.open(people_set(tmp_path / "faces", people=3, photos=3).path)
    to_input = ToInput(_spec(side), augmentation=Augmentation(flip=True, rotate_deg=20))
    rows = [np.array([0, 4, 0, 0, 2, 5]), np.array([1, 1, 3])]
    with CropReader(classes, 2) as reader:
        shapings = [to_input.shaping(len(some), (7, step)) for step, some in enumerate(rows)]
        for step, (some, ready) in enumerate(read_batches(reader, rows, shapings=shapings)):
            plain = reader.read(some)
            assert np.array_equal(ready, to_input.shape(plain, shapings[step]))
            assert torch.equal(to_input.finish(ready, (7, step)), to_input(plain, (7, step)))
        first = reader.read(rows[0], shapings[0])
    assert not np.array_equal(first[0], first[2])


def test_a_part_of_a_batch_is_varied_as_in_the_whole() -> None:
    spec = InputSpec(size_px=16, template="square", dim=4)
    to_input = ToInput(spec, augmentation=Augmentation(flip=True, rotate_deg=10.0))
    crops = np.random.default_rng(0).integers(0, 256, (7, 24, 24, 3), np.uint8)
    whole = to_input(crops, (1, 2, 3))
    for part in (slice(0, 3), slice(3, 7)):
        shaped = to_input.shape(crops[part], to_input.shaping(7, (1, 2, 3), part))
        assert torch.equal(to_input.finish(shaped, (1, 2, 3), part, 7), whole[part])
