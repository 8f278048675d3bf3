"""What a model's input must be and what its output means: one JSON that stays with the model."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata import PreparedSet
from facedata.config import TEMPLATES
from facedata.files.atomic import write_text
from facedata.sets.prepared import short

from .errors import SpecError
from .validated.summary import ValidationSummary, make_summary

COLOURS = ("rgb", "bgr")
_MOST = 1e6
"""Limit on a colour's mean and standard deviation."""

METRICS = ("euclidean", "cosine")


@dataclass(frozen=True)
class InputSpec:
    """The input spec of an embedding network.

    Attributes:
        size_px: side of the network's square input, in pixels.
        template: where a face is in its crop, as in `facedata prepare --template`.
        colour: ``rgb`` or ``bgr``, the order of the input's channels.
        mean: per channel, in the input's order, on values 0 … 1.
        std: per channel; the network is fed ``(value / 255 - mean) / std``.
        dim: length of an embedding.
        normalised: the network's embeddings have length one.
        set_fingerprint: of the set it was trained on; None if unknown.
        threshold: two crops show one person if their distance is at most this (``euclidean``), or their
            similarity at least this (``cosine``); chosen on validation pairs, None if there were none.
        metric: how two embeddings are compared.
        crop_px: side of the crops it was trained on, before they were resized to ``size_px``; None for any.
        margin: `facedata prepare --margin` of those crops.
        class_threshold: the least probability at which a classifier names a person; chosen on validation
            photos, None if there were none.
        validation: what validation showed: how often each threshold accepts strangers; None if unknown.
        threshold_basis: what the threshold stands for, in words, where not this package chose it; else None.
    """

    size_px: int
    template: str
    dim: int
    colour: str = "rgb"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    normalised: bool = False
    set_fingerprint: str | None = None
    threshold: float | None = None
    metric: str = "euclidean"
    crop_px: int | None = None
    margin: float = 0.0
    class_threshold: float | None = None
    validation: ValidationSummary | None = None
    threshold_basis: str | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SpecError: a value is of the wrong kind or out of range.
        """
        _check(self.colour in COLOURS, f"colour is {self.colour!r}, not one of {', '.join(COLOURS)}")
        _check(self.metric in METRICS, f"metric is {self.metric!r}, not one of {', '.join(METRICS)}")
        for name in ("size_px", "dim", "crop_px"):
            value = getattr(self, name)
            fits = (type(value) is int and value > 0) or (value is None and name == "crop_px")
            _check(fits, f"{name} is {value!r}, not a whole number above 0")
        for name in ("threshold", "class_threshold", "margin"):
            value = getattr(self, name)
            fits = type(value) in (int, float) and math.isfinite(value)
            fits = fits or (value is None and name != "margin")
            _check(fits, f"{name} is {value!r}, not a number")
        _check(self.margin >= 0, f"margin is {self.margin!r}; it is at least 0")
        share = self.class_threshold
        _check(share is None or 0 <= share <= 1, f"class_threshold is {share!r}, not from 0 to 1")
        known = ", ".join(TEMPLATES)
        _check(self.template in TEMPLATES, f"template is {self.template!r}, not one of {known}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            fits = isinstance(value, tuple) and len(value) == 3
            fits = fits and all(type(one) in (int, float) and abs(one) < _MOST for one in value)
            _check(fits, f"{name} is {value!r}, not three numbers")
        _check(type(self.normalised) is bool, f"normalised is {self.normalised!r}, neither true nor false")
        mark = self.set_fingerprint
        _check(mark is None or isinstance(mark, str), f"set_fingerprint is {mark!r}, not a string")
        basis = self.threshold_basis
        _check(basis is None or isinstance(basis, str), f"threshold_basis is {basis!r}, not a string")
        # it is printed, and a terminal obeys what is not a letter
        _check(basis is None or basis.isprintable(), f"threshold_basis is {basis!r}, not one line of text")
        _check(all(one > 0 for one in self.std), f"std is {self.std!r}; each must be above 0")

    def input_settings(self) -> list[Any]:
        """Return what embeddings depend on besides the weights."""
        return [self.size_px, self.template, self.colour, self.mean, self.std, self.normalised, self.margin]

    def to_json(self) -> str:
        """Return the spec as JSON, with sorted keys."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    def write(self, path: Path) -> None:
        """Write the spec atomically.

        Raises:
            StoreError: it cannot be written.
        """
        write_text(path, self.to_json())

    def with_threshold(
        self,
        threshold: float | None,
        metric: str,
        class_threshold: float | None = None,
        validation: ValidationSummary | None = None,
    ) -> InputSpec:
        """Return the spec with other thresholds, and what validation showed of them."""
        return dataclasses.replace(
            self, threshold=threshold, metric=metric, class_threshold=class_threshold, validation=validation,
            threshold_basis=None,
        )  # fmt: skip

    def fits(self, prepared: PreparedSet) -> bool:
        """Tell whether a set's crops were made like those the model was trained on."""
        return _crops_of(prepared) == (self.template, self.margin)

    def check_set(self, prepared: PreparedSet, remedy: str = "") -> None:
        """Refuse a set whose crops were made differently from those the model was trained on.

        Args:
            prepared: the set.
            remedy: what to do about it, for the message; empty for the command that makes another set.

        Raises:
            SpecError: it has another template or margin; the message names both.
        """
        if not self.fits(prepared):
            mine, other = _describe_crops(self.template, self.margin), _describe_crops(*_crops_of(prepared))
            margin = f" --margin {self.margin:g}" if self.margin else ""
            command = f"facedata crop {prepared} --template {self.template}{margin} --out DIR"
            raise SpecError(
                f"the model was trained on {mine} and {prepared} has {other}: "
                f"{remedy or f'make a set that fits with `{command}`'}"
            )

    def is_trained_on(self, prepared: PreparedSet) -> bool:
        """Tell whether the model was trained on exactly this set."""
        return self.set_fingerprint == prepared.fingerprint

    def short_fingerprint(self) -> str:
        """Return the first digits of the training set's fingerprint."""
        return short(self.set_fingerprint)


def read_spec(path: Path) -> InputSpec:
    """Read a spec.

    Raises:
        SpecError: it is missing, not JSON, or has impossible values.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(
            f"there is no input spec {path}: write one with size_px, template, colour, mean, std, dim and "
            "normalised (docs/models.md has an example)"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError(f"cannot read the input spec {path}: {error}") from error
    if not isinstance(values, dict):
        raise SpecError(f"{path} is not an input spec")
    return make_spec(values, str(path))


def make_spec(values: Mapping[str, Any], where: str) -> InputSpec:
    """Make a spec from plain values; ``where`` is their source, for messages. Unknown names are ignored.

    Raises:
        SpecError: a name is missing, or a value is impossible.
    """
    fields = {field.name: field for field in dataclasses.fields(InputSpec)}
    needed = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    if missing := [name for name in needed if name not in values]:
        raise SpecError(f"the input spec {where} lacks {', '.join(missing)}")
    known = {name: value for name, value in values.items() if name in fields}
    for name in ("mean", "std"):
        if isinstance(known.get(name), list):
            known[name] = tuple(known[name])
    if known.get("validation") is not None:
        known["validation"] = make_summary(known["validation"], f"the input spec {where}")
    try:
        return InputSpec(**known)
    except (SpecError, TypeError, OverflowError) as error:  # the last: a whole number beyond any float
        raise SpecError(f"the input spec {where}: {error}") from error


def _crops_of(prepared: PreparedSet) -> tuple[str, float]:
    """Return the template and margin of a set's crops."""
    settings = prepared.info["settings"]
    return settings.get("template", "square"), float(settings.get("margin", 0.0))


def _describe_crops(template: str, margin: float) -> str:
    return f"{template} crops" + (f" with margin {margin:g}" if margin else "")


def _check(holds: bool, text: str) -> None:
    if not holds:
        raise SpecError(text)
