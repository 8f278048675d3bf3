"""A photo with a box round every face and its name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facedata.types import UInt8Image

from .escaped_names import UNKNOWN, ascii_escaped, shortened

KNOWN_RGB = (0, 158, 115)
"""Of people with a name: Okabe and Ito's green, which the colour-blind tell from their orange."""
UNKNOWN_RGB = (213, 94, 0)

_LEAST_PX, _MOST_PX = 900, 2400
"""The picture's longer side; a small photo is enlarged, or there would be no room for names."""

_FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "wqy-microhei.ttc",
    "Arial Unicode.ttf", "arialuni.ttf", "msyh.ttc", "Arial.ttf", "unifont.ttf", "NotoColorEmoji.ttf",
)  # fmt: skip
"""Looked for where the system keeps its fonts, in this order; Pillow brings one for Latin letters."""

_NO_LETTER = "\U0010fffe"
"""No font has it: what is drawn for it is drawn for every letter that a font lacks."""

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Label:
    """What to draw at a face.

    Attributes:
        box: x0 y0 x1 y1 in pixels of the photo; may reach outside it.
        name: any text at all; None for a face that nobody's is.
    """

    box: tuple[float, float, float, float]
    name: str | None


class _Span(NamedTuple):
    """A rectangle, x0 y0 x1 y1 in whole pixels of the picture."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: _Span) -> bool:
        """Tell whether two overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def draw_portraits(photo: UInt8Image, labels: Sequence[Label]) -> UInt8Image:
    r"""Return a photo with boxes and names drawn on it; a face without a name is ``unknown``.

    Letters that no font here has stand as ``\uXXXX``. Names are laid where they cover neither each other nor
    a face, if there is such a place above, below or beside the box.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB, upright.
        labels: the faces; none leaves the photo as it is, but for its size.

    Returns:
        ``(h', w', 3)`` uint8 RGB, its longer side 900 to 2,400 px.
    """
    picture, scale = _sized(photo)
    boxes = [_scaled(label.box, scale, picture.size) for label in labels]
    draw = ImageDraw.Draw(picture)
    width = max(2, round(max(picture.size) / 400))
    for label, box in zip(labels, boxes, strict=True):
        draw.rectangle(box, outline=_colour(label), width=width)
    taken: list[_Span] = list(boxes)
    for label, box in zip(labels, boxes, strict=True):
        taken.append(_write_name(draw, label, box, taken, picture.size))
    return np.asarray(picture, np.uint8)


def _write_name(
    draw: ImageDraw.ImageDraw, label: Label, box: _Span, taken: Sequence[_Span], size: tuple[int, int]
) -> _Span:
    name = UNKNOWN if label.name is None else shortened(label.name) or "?"
    size_px = _letter_px(box, size)
    font, text = _fitting(name, size_px)
    pad = max(2, size_px // 5)
    left, top, right, bottom = (int(edge) for edge in draw.textbbox((0, 0), text, font=font))
    # lines of one height, whether or not a name has letters that hang below
    across, down = right - left + 2 * pad, round(size_px * 1.15) + pad
    spot = _free_spot(box, across, down, taken, size)
    draw.rectangle(spot, fill=_colour(label))
    shift_y = spot.top + (down - (bottom - top)) // 2 - top
    draw.text((spot.left + pad - left, shift_y), text, font=font, fill=(255, 255, 255))
    return spot


def _free_spot(box: _Span, across: int, down: int, taken: Sequence[_Span], size: tuple[int, int]) -> _Span:
    """Return where a name goes: the first place that is free, else the one above the box."""
    places = [
        (box.left, box.top - down), (box.left, box.bottom), (box.right - across, box.top - down),
        (box.right - across, box.bottom), (box.right, box.top), (box.left - across, box.top),
        (box.left, box.top - 2 * down), (box.left, box.bottom + down),
    ]  # fmt: skip
    spots = [_inside(x, y, across, down, size) for x, y in places]
    others = [span for span in taken if span != box]
    free = (spot for spot in spots if not any(spot.meets(span) for span in (*others, box)))
    lonely = (spot for spot in spots if not any(spot.meets(span) for span in others))
    return next(free, next(lonely, spots[0]))


def _inside(x: int, y: int, across: int, down: int, size: tuple[int, int]) -> _Span:
    left = max(0, min(x, size[0] - across))
    top = max(0, min(y, size[1] - down))
    return _Span(left, top, left + across, top + down)


def _letter_px(box: _Span, size: tuple[int, int]) -> int:
    """Return letters' height: by the face's width, but to be read in the whole picture."""
    least = max(size) / 75
    return round(min(max((box.right - box.left) / 5, least), max(size) / 40))


def _fitting(text: str, size_px: int) -> tuple[_Font, str]:
    """Return a font that has all of a text's letters, else the first one and the text in what it has."""
    fonts = _fonts(size_px)
    for font in fonts:
        if all(_has(font, letter) for letter in text):
            return font, text
    return fonts[0], "".join(one if _has(fonts[0], one) else ascii_escaped(one) for one in text)


@lru_cache(maxsize=16)
def _fonts(size_px: int) -> list[_Font]:
    found: list[_Font] = []
    for name in _FONTS:
        try:
            found.append(ImageFont.truetype(name, size_px))
        except (OSError, ValueError):  # not on this system, or of fixed other sizes
            continue
    return [*found, ImageFont.load_default(size_px)]


def _has(font: _Font, letter: str) -> bool:
    try:
        return letter.isspace() or _drawn(font, letter) != _drawn(font, _NO_LETTER)
    except (UnicodeError, OSError):
        return False


def _drawn(font: _Font, letter: str) -> tuple[Any, bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _sized(photo: UInt8Image) -> tuple[Image.Image, float]:
    height, width = photo.shape[:2]
    longer = max(height, width)
    scale = min(max(longer, _LEAST_PX), _MOST_PX) / longer
    if scale == 1:
        return Image.fromarray(photo), 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return Image.fromarray(np.asarray(cv2.resize(photo, size, interpolation=how), np.uint8)), scale


def _scaled(box: Sequence[float], scale: float, size: tuple[int, int]) -> _Span:
    """Return a box in pixels of the picture, cut at its edges."""
    # pixel centres at whole numbers, in both
    edges = [(edge + 0.5) * scale - 0.5 for edge in box]
    x0, x1 = (round(min(max(edge, 0), size[0] - 1)) for edge in edges[0::2])
    y0, y1 = (round(min(max(edge, 0), size[1] - 1)) for edge in edges[1::2])
    return _Span(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _colour(label: Label) -> tuple[int, int, int]:
    return UNKNOWN_RGB if label.name is None else KNOWN_RGB
