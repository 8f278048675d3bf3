"""The base of every command's options: each is declared once, checked, and read from TOML, flags or Python.

Frozen dataclasses of options define the flags, the TOML files and the keywords of Python calls. A
:func:`setting` is an option that the result depends on, and so part of the result's fingerprint.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from .errors import OtherSettingsError, UsageError

MAX_INT = 2**63 - 1
"""The largest integer that the tables and numpy can hold."""

_KIND_WORDS = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    tuple: "list of texts",
}


def option(
    default: Any,
    text: str,
    *,
    shapes: bool = False,
    choices: Collection[str] | None = None,
    metavar: str | None = None,
    least: float | None = None,
    most: float | None = None,
    file: bool = False,
) -> Any:
    """Declare an option; several dataclasses may share it under one name.

    Args:
        default: its value when the user gives none.
        text: its help text.
        shapes: the result depends on it, so it is part of the settings and the fingerprint.
        choices: the values it takes; may be a table of names (:func:`look_up`), which may grow later.
        metavar: the word for its value in the help.
        least: the lowest number it takes.
        most: the highest number it takes.
        file: it may name a file; the settings then hold the hash of its content, not its name.
    """
    about = {"text": text, "shapes": shapes, "choices": choices, "metavar": metavar}
    return dataclasses.field(default=default, metadata={**about, "least": least, "most": most, "file": file})


def setting(default: Any, text: str, **about: Any) -> Any:
    """Declare an option that the result depends on; see :func:`option`."""
    return option(default, text, shapes=True, **about)


@lru_cache
def types_of(kind: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of an option dataclass's fields, by name."""
    return typing.get_type_hints(kind)


class Options:
    """What the option dataclasses share: validation, TOML in and out, settings, fingerprint.

    Attributes:
        renamed: names that options had in earlier versions, and those of today; files may have either.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        hints = types_of(type(self))  # type: ignore[arg-type]  # a class is hashable
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            object.__setattr__(self, field.name, _check(field, getattr(self, field.name), hints[field.name]))

    def to_toml(self) -> str:
        """Return the options as TOML; without options that are None."""
        import tomli_w  # it comes here when a command writes TOML: most do not

        return tomli_w.dumps({k: v for k, v in dataclasses.asdict(self).items() if v is not None})  # type: ignore[call-overload]

    def settings(self) -> dict[str, Any]:
        """Return the options that shape the result, by name; a file counts as its SHA-256."""
        settings: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if field.metadata["shapes"]:
                value, has_file = getattr(self, field.name), field.metadata["file"]
                if isinstance(value, tuple):
                    settings[field.name] = [_by_content(one) if has_file else one for one in value]
                else:
                    settings[field.name] = _by_content(value) if has_file else value
        return settings

    def fingerprint(self) -> str:
        """Return the SHA-256 of the settings, lower-case hex."""
        return fingerprint_of(self.settings())


OptionsT = TypeVar("OptionsT", bound=Options)


def from_toml(kind: type[OptionsT], path: Path, /, **changes: Any) -> OptionsT:
    """Read options from a TOML file; ``changes`` (such as flags) override it.

    Raises:
        UsageError: no such file, not TOML, an unknown name, or a value out of range.
    """
    return make(kind, {**read_toml(path), **changes})


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's values, by option name.

    Raises:
        UsageError: no such file, or not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # pragma: no cover
        import tomli as tomllib
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # no file, no UTF-8, no TOML
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read the config file {path}: {reason}") from error
    options = {name.replace("-", "_"): value for name, value in values.items()}
    if len(options) < len(values):
        twice = sorted(name for name in values if "-" in name and name.replace("-", "_") in values)
        raise UsageError(f"the config file {path} has {', '.join(twice)} twice, with - and with _")
    return options


def make(kind: type[OptionsT], values: dict[str, Any]) -> OptionsT:
    """Make options from a dictionary.

    Raises:
        UsageError: an unknown name, or a value of the wrong type or out of range.
    """
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {kind.renamed.get(name, name): value for name, value in values.items()}
    if unknown := sorted(set(values) - known):
        near = nearest(unknown[0], known) or f"; the options are {', '.join(sorted(known))}"
        raise UsageError(f"unknown option {', '.join(unknown)}{near}")
    return kind(**values)


def resolve_options(kind: type[OptionsT], config: OptionsT | None, changes: dict[str, Any]) -> OptionsT:
    """Return the options of a Python call: those of ``config``, or the defaults, with ``changes`` over them.

    Raises:
        UsageError: no options of this kind, an unknown name, or a value of the wrong type or out of range.
    """
    if config is not None and not isinstance(config, Options):
        raise UsageError(
            f"the config is {config!r}; it takes a {kind.__name__}, or write each option as a keyword, as in "
            "seed=1"
        )
    return make(kind, {**(dataclasses.asdict(config) if config else {}), **changes})  # type: ignore[call-overload]


def look_up(table: Mapping[str, Any], name: str) -> Any:
    """Look a name up in a table of names.

    Args:
        table: name → object, or ``module:object``, which is imported here.
        name: a key of the table.

    >>> look_up({"square_root": "math:sqrt"}, "square_root")(16.0)
    4.0
    """
    entry = table[name]
    if not isinstance(entry, str):
        return entry
    module, _, attribute = entry.partition(":")
    return getattr(import_module(module), attribute)


def setting_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what differs between an earlier run's settings and this one's; empty if nothing does.

    >>> setting_differences({"size": 240, "seed": 1}, {"size": 112, "seed": 1})
    'size: 240 before, 112 now'
    """
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return ", ".join(f"{name}: {before.get(name)!r} before, {now.get(name)!r} now" for name in names)


def refuse_other_settings(out: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that the settings are the same.

    Raises:
        OtherSettingsError: they differ; the message names each setting with both values.
    """
    if changes := setting_differences(before, now):
        raise OtherSettingsError(
            f"{out} was made with other settings ({changes}): use those again, choose another --out, or "
            "start over with --overwrite"
        )


def fingerprint_of(values: Any) -> str:
    """Return the SHA-256 of plain values as canonical JSON, lower-case hex."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` with the known name that is most like another; empty if none is.

    >>> nearest("--sed", ["--seed", "--size"])
    '; did you mean --seed?'
    """
    spellings = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), spellings, n=1)
    return f"; did you mean {spellings[found[0]]}?" if found else ""


def whole_number(text: str) -> int:
    """Parse a flag's text as a whole number; ``100e6`` is accepted.

    Raises:
        ValueError: it is not a whole number.

    >>> whole_number("100e6"), whole_number("-3")
    (100000000, -3)
    """
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text!r} is not a whole number")
    return int(number)


def is_file(text: str) -> bool:
    """Return whether text names an existing file; False for a pattern too long to be a file name.

    >>> is_file("x" * 300)
    False
    """
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _by_content(value: str | None) -> str | None:
    """Return the SHA-256 of the file that a value names; any other value as it is."""
    if value is None or not is_file(value):
        return value
    return "sha256:" + hashlib.sha256(Path(value).read_bytes()).hexdigest()


def is_utf8(text: str) -> bool:
    """Return whether text was valid UTF-8; Python keeps other bytes of a command line as surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_texts(field: dataclasses.Field[Any], flag: str, value: Any) -> tuple[str, ...]:
    """Return the texts of an option that takes several; one text alone is a list of one.

    Raises:
        UsageError: it is neither, or a text is empty.
    """
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise UsageError(f"{flag} is {value!r}; it takes a {_KIND_WORDS[tuple]}")
    if "" in texts:
        raise UsageError(f"{flag} is empty; it takes a {_KIND_WORDS[str]}")
    return tuple(texts)


def _check(field: dataclasses.Field[Any], value: Any, hint: Any) -> Any:
    """Return an option's value, converted to its type where that loses nothing.

    Raises:
        UsageError: the option cannot take this value.
    """
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    flag = "--" + field.name.replace("_", "-")
    if value is None and type(None) in kinds:
        return None
    kind = next(k for k in kinds if k is not type(None))
    if typing.get_origin(kind) is tuple:
        return _check_texts(field, flag, value)
    if kind is float and type(value) is int:
        value = float(value)
    if kind is int and type(value) is float and value.is_integer():
        value = int(value)
    if kind is str and field.name == "pairs" and type(value) is int:
        value = str(value)
    if type(value) is not kind:
        raise UsageError(f"{flag} is {value!r}; it takes a {_KIND_WORDS[kind]}")
    if value == "" and field.default != "":
        raise UsageError(f"{flag} is empty; it takes a {_KIND_WORDS[kind]}")
    if kind is str and not field.metadata["file"] and field.name != "cache" and not is_utf8(value):
        raise UsageError(f"{flag} is {value!r}; it takes UTF-8 text")
    if kind is float and not math.isfinite(value):
        raise UsageError(f"{flag} is {value!r}; it takes a finite number")
    if kind is int and value > MAX_INT:
        raise UsageError(f"{flag} is {value!r}; it takes a number up to {MAX_INT}")
    least, most, choices = (field.metadata[key] for key in ("least", "most", "choices"))
    if choices and value not in choices:
        raise UsageError(f"{flag} is {value!r}; it takes one of {', '.join(choices)}")
    # written so that NaN, which compares false with everything, is refused too
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        span = f"from {least:g}" + (f" to {most:g}" if most is not None else " up")
        raise UsageError(f"{flag} is {value!r}; it takes a number {span}")
    return value
