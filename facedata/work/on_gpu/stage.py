"""The stage of ``prepare --device cuda``: a batch goes from step to step as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ...config import PrepareConfig
from ...detect.base import DetectorFactory
from ...detect.find import BATCH_PIXELS, SEARCHED_PX, Outcome
from ...photos.picture import Picture
from ...sources.base import PhotoReader
from ...types import Face, Photo, Row, UInt8Image
from ..stage import SHARD_PHOTOS, FindAndCrop, OpenedPhoto
from .jpegs import decode_jpegs, encode_jpegs, is_plain
from .warp import can_warp, warp_all


class JpegPicture(Picture):
    """An opened photo whose pixels may be decoded elsewhere."""

    @property
    def plain_jpeg(self) -> bytes | None:
        """The file's bytes, if it is a JPEG that a GPU decodes as it is; else None."""
        is_upright = self.header.orientation == 1 and self.header.reductions != (1,)
        return self._data if is_upright and is_plain(self._data) else None

    def put(self, pixels: UInt8Image) -> None:
        """Take the full-size pixels; those of another size are not this photo's, and are left alone."""
        if pixels.shape == (self.header.height, self.header.width, 3):
            self._decoded[1] = pixels


@dataclass(frozen=True)
class FindAndCropOnGpu(FindAndCrop):
    """Find each photo's face and cut it out, all photos of a batch together.

    Attributes:
        device: ``cuda``; or ``cpu``, where the same steps are made, and JPEGs decoded and encoded as ever.
    """

    device: str = "cuda"

    @classmethod
    def on(
        cls, device: str, config: PrepareConfig, search: str, reader: PhotoReader, detector: DetectorFactory
    ) -> FindAndCropOnGpu:
        """Make the stage from the options; see :meth:`FindAndCrop.of`."""
        plain = FindAndCrop.of(config, search, reader, detector)
        return cls(plain.rules, plain.reader, plain.detector, device)

    def _open_picture(self, data: bytes) -> Picture:
        return JpegPicture(data, self.rules.max_pixels, turn_exif=self.rules.turn != "never")

    def _open_batch(self, photos: Iterator[Photo]) -> list[OpenedPhoto]:
        read: list[OpenedPhoto] = []
        pixels = 0
        for photo in photos:
            read.append(self._read(photo))
            if region := read[-1].region:
                pixels += region.picture.pixels(region.first_reduction)
            if len(read) == SHARD_PHOTOS or pixels >= BATCH_PIXELS:
                break
        # large photos are decoded at a reduced size, which costs the processor little
        whole = [one.region.picture for one in read if one.region and one.region.first_reduction == 1]
        plain = [
            (picture, data)
            for picture in whole
            if isinstance(picture, JpegPicture) and (data := picture.plain_jpeg) is not None
        ]
        decoded = decode_jpegs([data for _, data in plain], torch.device(self.device))
        for (picture, _), image in zip(plain, decoded, strict=True):
            if image is not None:
                picture.put(image)
        return [self._decode(one) for one in read]

    def _crop_all(self, outcomes: Sequence[tuple[OpenedPhoto, Outcome | None]]) -> list[Row]:
        rows: list[Row] = []
        together: list[tuple[OpenedPhoto, Face]] = []
        for opened, outcome in outcomes:
            face = self._choose(opened, outcome)
            rows.append(opened.row)
            if face is None or opened.region is None:
                continue
            picture = opened.region.picture
            if picture.largest_reduction(SEARCHED_PX) == 1 and can_warp(self.rules.shape.place(face)):
                together.append((opened, face))
            else:
                self._cut(opened, face)
        if together:
            self._cut_together(together)
        return rows

    def _cut_together(self, chosen: Sequence[tuple[OpenedPhoto, Face]]) -> None:
        """Cut the faces of photos that are decoded at full size; complete their rows."""
        shape = self.rules.shape
        images = [opened.region.picture.at() for opened, _ in chosen if opened.region is not None]
        placements = [shape.place(face) for _, face in chosen]
        crops = warp_all(images, placements, shape.size_px, torch.device(self.device))
        files = encode_jpegs(crops)
        for (opened, face), placement, jpeg in zip(chosen, placements, files, strict=True):
            self._keep(opened, face, placement.matrix, jpeg)
