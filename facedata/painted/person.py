"""Who is painted: the features that make an invented person recognisable from photo to photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .canvas import Colour, tone

NAMES = (
    "Amara",
    "Birgit",
    "Chidi",
    "Dolores",
    "Emre",
    "Farah",
    "Goran",
    "Hanna",
    "Ivo",
    "Jun",
    "Kavya",
    "Luca",
)
"""The first twelve people's names."""

HAIR_STYLES = (
    "crop",
    "long",
    "curls",
    "side",
    "bob",
    "bald",
    "bun",
    "fringe",
    "quiff",
    "scarf",
    "receding",
    "waves",
)
"""How hair is worn; the first twelve people of a seed wear one each."""

_SKINS: tuple[Colour, ...] = (
    (253, 216, 186),
    (158, 104, 70),
    (234, 186, 148),
    (130, 86, 60),
    (246, 206, 172),
    (196, 140, 100),
    (220, 170, 128),
    (172, 118, 80),
)
_DARK_HAIR: tuple[Colour, ...] = ((36, 30, 32), (62, 42, 34), (92, 60, 42), (150, 146, 144))
_HAIR: tuple[Colour, ...] = (
    *_DARK_HAIR,
    (132, 62, 40),
    (198, 102, 52),
    (222, 178, 108),
    (214, 210, 204),
    (120, 82, 52),
)
_EYES: tuple[Colour, ...] = (
    (84, 52, 34),
    (56, 112, 152),
    (62, 40, 30),
    (86, 124, 78),
    (128, 92, 48),
    (98, 116, 128),
)
_SCARVES: tuple[Colour, ...] = ((178, 78, 74), (52, 112, 118), (206, 150, 70), (104, 84, 138))
_BEARDS = ("full", "none", "moustache", "goatee", "none", "stubble")
_GLASSES = ("none", "round", "none", "none", "square", "none")
_BARE_FACED = ("long", "bob", "bun", "fringe", "scarf", "waves")


@dataclass(frozen=True)
class Appearance:
    """One person's features; lengths are in half head widths, angles in degrees.

    Attributes:
        skin, hair, iris, lips: colours; for a headscarf ``hair`` is the cloth.
        brow: colour of brows and beard.
        style: one of :data:`HAIR_STYLES`.
        parting: the side hair is parted on, -1 (image left) or 1.
        beard: ``none``, ``full``, ``moustache``, ``goatee`` or ``stubble``.
        glasses: ``none``, ``round`` or ``square``; ``frame`` is their colour.
        freckles, earrings: whether there are any.
        length: height of the face, as a factor.
        jaw, chin: half widths of the jaw at mouth height and of the chin.
        eye_gap: half the distance of the eyes.
        eye_size: factor on the eyes' size.
        eye_slant_deg: positive when the outer corners are higher.
        brow_weight, brow_lift, brow_arch: thickness, height above the eye, height of the bend.
        nose_width, nose_length: half width at the nostrils; eye line to tip.
        mouth_width, lip_weight: half width; thickness of the lips.
    """

    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lips: Colour
    frame: Colour
    style: str
    parting: int
    beard: str
    glasses: str
    freckles: bool
    earrings: bool
    length: float
    jaw: float
    chin: float
    eye_gap: float
    eye_size: float
    eye_slant_deg: float
    brow_weight: float
    brow_lift: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_weight: float


_T = TypeVar("_T")
_DEALER = 2**32 - 1  # no person has this number


def appearance(person: int, seed: int = 0) -> Appearance:
    """Return the features of person number ``person`` (from 0) of a seed.

    Twelve people in a row differ in how they wear their hair, eight in a row in skin tone; everything else
    is drawn at random. Raises ``ValueError`` (from numpy) for negative numbers.

    >>> appearance(3) == appearance(3), appearance(3) == appearance(4)
    (True, False)
    """
    # numpy pads short seeds with zeros, so [seed, person] would be [seed, person, 0]: the streams of a
    # person and of their photos (from 1) are kept apart by the third number.
    rng = np.random.default_rng([seed, person, 0])

    def one_of(choices: Sequence[_T]) -> _T:
        return choices[int(rng.integers(len(choices)))]

    # The most visible features are dealt from shuffled decks, so that a dozen people in a row differ.
    decks = np.random.default_rng([seed, _DEALER])

    def deal(choices: Sequence[_T]) -> _T:
        return choices[int(decks.permutation(len(choices))[person % len(choices)])]

    style, skin, hair, glasses = deal(HAIR_STYLES), deal(_SKINS), deal(_HAIR), deal(_GLASSES)
    if sum(skin) < 480 and hair not in _DARK_HAIR:
        hair = one_of(_DARK_HAIR)
    lip_red = one_of(((186, 84, 82), (172, 92, 80), (198, 100, 98)))
    return Appearance(
        skin=skin,
        hair=one_of(_SCARVES) if style == "scarf" else hair,
        brow=tone(hair, (0, 0, 0), 0.2),
        iris=one_of(_EYES[::2] if sum(skin) < 400 else _EYES),
        lips=tone(lip_red, skin, 0.45),
        frame=one_of(((48, 40, 44), (120, 58, 44), (52, 74, 110))),
        style=style,
        parting=one_of((-1, 1)),
        beard="none" if style in _BARE_FACED else one_of(_BEARDS),
        glasses=glasses,
        freckles=bool(sum(skin) > 560 and rng.random() < 0.4),
        earrings=bool(style in _BARE_FACED and rng.random() < 0.5),
        length=rng.uniform(0.94, 1.1),
        jaw=rng.uniform(0.66, 0.88),
        chin=rng.uniform(0.28, 0.46),
        eye_gap=rng.uniform(0.39, 0.47),
        eye_size=rng.uniform(0.88, 1.16),
        eye_slant_deg=rng.uniform(-3, 7),
        brow_weight=rng.uniform(0.05, 0.12),
        brow_lift=rng.uniform(0.27, 0.36),
        brow_arch=rng.uniform(0.0, 0.06),
        nose_width=rng.uniform(0.17, 0.28),
        nose_length=rng.uniform(0.5, 0.64),
        mouth_width=rng.uniform(0.32, 0.46),
        lip_weight=rng.uniform(0.07, 0.14),
    )
