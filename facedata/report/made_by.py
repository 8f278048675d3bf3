"""The commands that make a set again, from what its dataset.json records."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..config import SOURCES, TEMPLATES, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from ..options import Options, look_up
from ..photos.paths import photo_path, photo_text
from ..sets.prepared import PreparedSet

_BY_CONTENT = "sha256:"
"""How a setting begins that was a file, of which only the content is known."""

_DRAWN: dict[str, type[Options]] = {"split": SplitConfig, "pairs": PairsConfig, "triplets": TripletsConfig}


def list_commands(prepared: PreparedSet) -> list[str]:
    """Return the commands: `prepare`, and what was split or drawn again since.

    FILE stands for files that were given, of which only the content is known. A set that `crop` or `fix` made
    is what `prepare` makes with the same settings.
    """
    info, name = prepared.info, photo_text(str(prepared.path).rstrip("/").rpartition("/")[2])
    settings, kind = info["settings"], info["settings"].get("kind", info["source"]["kind"])
    words = ["facedata", "prepare", *source_words(info), "--out", name]
    usual = _usual_values(settings, kind)
    for field in fields(PrepareConfig):
        value = settings.get(field.name)
        if field.metadata["shapes"] and value not in (None, [], usual[field.name]):
            words += _flag(field.name, value)
    words += [] if info.get("licence") is None else ["--licence", str(info["licence"])]
    commands, drawing = [words], info["drawing"]
    expected = expected_drawing(settings)
    for what, options in _DRAWN.items():
        given = drawing.get(what, {})
        if given.get("strategy") == "file":
            commands.append(["facedata", what, name, "--from", "FILE"])
        elif {**given, **expected[what]} != given and given.get("strategy") != "official":
            commands.append(["facedata", what, name, *_changed(options, given)])
        for split, own in drawing.get(f"{what}_of", {}).items():
            commands.append(["facedata", what, name, "--split", split, *_changed(options, own)])
    return [shlex.join(one) for one in commands]


def source_words(info: Mapping[str, Any]) -> list[str]:
    """Return the source as it was typed: its kind, and its path, or several as name=path."""
    kind, root = info["source"]["kind"], str(info["source"]["root"])
    if kind not in SOURCES:  # an object of the user's own class
        return [kind, root]
    typed = look_up(SOURCES, kind).typed(photo_path(root), None)
    if typed is None:
        return [kind]
    if isinstance(typed, Mapping):
        return [kind, *(photo_text(f"{name}={path}") for name, path in typed.items())]
    return [kind, *(photo_text(str(one)) for one in (typed if isinstance(typed, list) else [typed]))]


def _usual_values(settings: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return by option what need not be typed, with what stands for None in the settings."""
    template = look_up(TEMPLATES, settings["template"]) if settings.get("template") in TEMPLATES else None
    own = {
        "kind": kind,
        "device": "cpu",
        "size": getattr(template, "size_px", None),
        "face": "center" if kind == "lfw" else None if kind == "celeba" else "largest",
        "split_by": "official" if kind == "lfw" or settings.get("split_from") else "identity",
    }
    return {field.name: own.get(field.name, field.default) for field in fields(PrepareConfig)}


def expected_drawing(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return how `prepare` alone would have split and drawn, as far as the settings tell."""
    pairs, seed = str(settings.get("pairs")), settings.get("seed")
    shared = {"max_per_person": settings.get("max_per_person"), "seed": seed, "uniform": "people"}
    return {
        "split": {name: settings.get(name) for name in ("splits", "split_by", "stable", "seed")},
        "pairs": {
            "strategy": "all" if pairs == "all" else "random",
            "count": int(pairs) if pairs.isdigit() else None,
            **shared,
        },
        "triplets": {
            "strategy": "random", "count": None, "per_photo": settings.get("triplets_per_photo"), **shared,
        },
    }  # fmt: skip


def _changed(options: type[Options], given: Mapping[str, Any]) -> list[str]:
    flags = []
    for field in fields(options):  # type: ignore[arg-type]  # every subclass is a dataclass
        if given.get(field.name) not in (None, field.default):
            flags += _flag(field.name, given[field.name])
    return flags


def _flag(name: str, value: Any) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, list | tuple):
        return [word for one in value for word in _flag(name, one)]
    return [
        flag,
        "FILE"
        if str(value).startswith(_BY_CONTENT)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value),
    ]
