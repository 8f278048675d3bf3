"""A photo with a box around every face and its name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facedata.types import UInt8Image

from .escaped_names import UNKNOWN, shorten_name

KNOWN_RGB = (0, 158, 115)
"""For faces with a name: Okabe and Ito's green, which colour-blind people can tell from their orange."""
UNKNOWN_RGB = (213, 94, 0)

_LEAST_PX, _MOST_PX = 900, 2400
"""Limits of the picture's longer side; a small photo is enlarged to make room for names."""

_FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "wqy-microhei.ttc",
    "Arial Unicode.ttf", "arialuni.ttf", "msyh.ttc", "Arial.ttf", "unifont.ttf", "NotoColorEmoji.ttf",
)  # fmt: skip
"""Fonts of the system, tried in this order; the last resort is Pillow's own, for Latin letters."""

_NO_LETTER = "\U0010fffe"
"""No font has this letter: what a font draws for it, it draws for every letter it lacks."""

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Label:
    """What to draw at a face.

    Attributes:
        box: x0 y0 x1 y1 in pixels of the photo; may reach outside it.
        name: any text at all; None for an unknown face.
        score: how near the person is, as text; written after the name. None for nothing.
    """

    box: tuple[float, float, float, float]
    name: str | None
    score: str | None = None


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


def draw_face_boxes(photo: UInt8Image, labels: Sequence[Label]) -> UInt8Image:
    r"""Return a photo with boxes, names and scores drawn on it; a face without a name is ``unknown``.

    Letters that no font here has are written as ``\uXXXX``. Names cover neither each other nor a face if
    there is room above, below or beside the box.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB, upright.
        labels: the faces; without any, the photo is only resized.

    Returns:
        ``(h', w', 3)`` uint8 RGB, its longer side 900 to 2,400 px.
    """
    height, width = photo.shape[:2]
    scale = min(max(height, width, _LEAST_PX), _MOST_PX) / max(height, width)
    if scale != 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        photo = np.asarray(cv2.resize(photo, size, interpolation=how), np.uint8)
    picture = Image.fromarray(photo)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    boxes = []
    for label in labels:
        # pixel centres are at whole numbers in both; what lies outside the picture is moved to its edge
        edges = [(edge + 0.5) * scale - 0.5 for edge in label.box]
        x0, x1 = (round(min(max(edge, 0), picture.width - 1)) for edge in edges[0::2])
        y0, y1 = (round(min(max(edge, 0), picture.height - 1)) for edge in edges[1::2])
        boxes.append(_Span(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
        draw.rectangle(boxes[-1], outline=_colour(label), width=line)
    taken = list(boxes)
    for label, box in zip(labels, boxes, strict=True):
        taken.append(_write_name(draw, label, box, taken, picture.size))
    return np.asarray(picture, np.uint8)


def _write_name(
    draw: ImageDraw.ImageDraw, label: Label, box: _Span, taken: Sequence[_Span], size: tuple[int, int]
) -> _Span:
    """Write a name near its box; return where."""
    name = UNKNOWN if label.name is None else shorten_name(label.name) or "?"
    name += f" {label.score}" if label.score is not None else ""
    # the letters' height depends on the face's width, within limits of the whole picture
    size_px = round(min(max((box.right - box.left) / 5, max(size) / 75), max(size) / 40))
    font, text = _choose_font(name, size_px)
    pad = max(2, size_px // 5)
    left, top, right, bottom = (int(edge) for edge in draw.textbbox((0, 0), text, font=font))
    # all names have the same height, whether or not they have letters that reach below the line
    across, down = right - left + 2 * pad, round(size_px * 1.15) + pad
    spots = []
    for x, y in [
        (box.left, box.top - down), (box.left, box.bottom), (box.right - across, box.top - down),
        (box.right - across, box.bottom), (box.right, box.top), (box.left - across, box.top),
        (box.left, box.top - 2 * down), (box.left, box.bottom + down),
    ]:  # fmt: skip
        x, y = max(0, min(x, size[0] - across)), max(0, min(y, size[1] - down))
        spots.append(_Span(x, y, x + across, y + down))
    # the first spot that covers nothing, else one that covers only this face, else the one above the box
    others = [span for span in taken if span != box]
    free = (spot for spot in spots if not any(spot.meets(span) for span in (*others, box)))
    own = (spot for spot in spots if not any(spot.meets(span) for span in others))
    spot = next(free, next(own, spots[0]))
    draw.rectangle(spot, fill=_colour(label))
    shift_y = spot.top + (down - (bottom - top)) // 2 - top
    draw.text((spot.left + pad - left, shift_y), text, font=font, fill=(255, 255, 255))
    return spot


def _choose_font(text: str, size_px: int) -> tuple[_Font, str]:
    """Return a font that has all letters of a text; else the first font, and the text with others escaped."""
    fonts = _load_fonts(size_px)
    for font in fonts:
        if all(_has(font, letter) for letter in text):
            return font, text
    letters = (
        one if _has(fonts[0], one) else one.encode("ascii", "backslashreplace").decode() for one in text
    )
    return fonts[0], "".join(letters)


@lru_cache(maxsize=16)
def _load_fonts(size_px: int) -> list[_Font]:
    fonts: list[_Font] = []
    for name in _FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size_px))
        except (OSError, ValueError):  # not on this system, or only in other sizes
            continue
    return [*fonts, ImageFont.load_default(size_px)]


def _has(font: _Font, letter: str) -> bool:
    try:
        return letter.isspace() or _draw_letter(font, letter) != _draw_letter(font, _NO_LETTER)
    except (UnicodeError, OSError):
        return False


def _draw_letter(font: _Font, letter: str) -> tuple[Any, bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _colour(label: Label) -> tuple[int, int, int]:
    return UNKNOWN_RGB if label.name is None else KNOWN_RGB
