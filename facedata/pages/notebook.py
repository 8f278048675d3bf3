"""What a notebook shows of an object: one line, small tables, and a few pictures with their names.

A piece of HTML with its style in it; it takes colours and letters from the notebook, light or
dark, and stays below 150 KB. No name in it can be more than text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from .sheets import make_tile, picture_url

MOST_PICTURES = 12
"""What is shown in one piece stays a glance, and small."""

_TILE_PX, _QUALITY = 96, 75
_MOST_LETTERS = 300


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows.

    Attributes:
        data: the bytes of an image file; None if there are none: it is grey then.
        name: who is on it.
        about: what else is known, for those who hover or cannot see.
    """

    data: bytes | None
    name: str
    about: str = ""

    @property
    def url(self) -> str:
        """The thumbnail, as a ``data:`` URL."""
        try:
            tile = make_tile(self.data, _TILE_PX)
        except cv2.error:  # a file that claims to be enormous
            tile = make_tile(None, _TILE_PX)
        return picture_url(np.ascontiguousarray(tile[:, :, ::-1]), _QUALITY)


@dataclass(frozen=True)
class Group:
    """Pictures that belong together, and what is said of them."""

    pictures: tuple[Picture, ...]
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """A small table; its first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Shown:
    """What stands below the line.

    Attributes:
        tables: first.
        groups: then pictures; of all of them at most :data:`MOST_PICTURES`.
        notes: last, a line each.
    """

    tables: tuple[Table, ...] = ()
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()


def render_object(line: str, show: Callable[[], Shown]) -> str:
    """Return an object as HTML for a notebook; it never raises, since looking at something must not fail.

    Args:
        line: the object in one line.
        show: makes what stands below; if it raises, the reason stands there.
    """
    try:
        shown = show()
    except Exception as error:  # noqa: BLE001  whatever it is, the object itself is there and can be named
        shown = Shown(notes=(f"nothing more can be shown: {error}",))
    return _template().render(line=line, shown=shown)


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent / "look")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["seen"] = _escape_controls
    return environment.get_template("notebook.html")


def _escape_controls(text: str) -> str:
    """Return text, not too long, with escapes for what HTML cannot hold."""
    text = text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
    return "".join(
        ascii(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text
    )
