"""A card: a page in Markdown with a head in YAML, as hubs show it beside data and models.

What a card is told is text: markup in it is escaped, and so is whatever YAML could take for something else.
What somebody has written into a card is never overwritten.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..files.atomic import write_text

_MARK = re.compile(r"\n<!-- written by facedata; SHA-256 of the text above: ([0-9a-f]{64}) -->\n\Z")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$&#]")
_FIRST = re.compile(r"[-+=:]|\d+(?=[.)](?: |$))")
"""What begins a list, a heading or a line at the start of a text."""

_JOINERS = "\u200c\u200d"
"""They show nothing and change the letters beside them, so they stay."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NO_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What YAML takes for something other than text, in any case."""


class Markdown(str):
    """Text that is Markdown already, and is not escaped."""

    __slots__ = ()


def render_card(template: Path, head: Mapping[str, Any], **values: Any) -> str:
    """Return a card, with a last line by which :func:`write_card` tells whether it was edited since.

    Args:
        template: Markdown with jinja2's marks; it may call ``open("what to write")`` for what only a person
            can know, which the card then says is not stated.
        head: what the YAML says.
        **values: what the template names: text, which is escaped, and numbers.
    """

    def show(value: Any) -> Any:
        if isinstance(value, Markdown) or not isinstance(value, str | int) or isinstance(value, bool):
            return value
        return escape_markdown(value) if isinstance(value, str) else f"{value:,}"

    templates = Environment(
        loader=FileSystemLoader(template.parent), undefined=StrictUndefined, finalize=show,
        trim_blocks=True, lstrip_blocks=True, autoescape=False,
    )  # fmt: skip
    body = templates.get_template(template.name).render(open=say_open, **values)
    text = f"---\n{to_yaml(head)}\n---\n\n{body.strip()}\n"
    return f"{text}\n<!-- written by facedata; SHA-256 of the text above: {_digest(text)} -->\n"


def write_card(file: Path, text: str) -> bool:
    """Write a card, unless the one there was edited by hand; return whether it was written.

    Raises:
        StoreError: it cannot be written.
    """
    if is_edited(file):
        return False
    write_text(file, text)
    return True


def is_edited(file: Path) -> bool:
    """Tell whether a file is there that is not just as :func:`render_card` made it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    mark = _MARK.search(text)
    return mark is None or _digest(text[: mark.start()]) != mark[1]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def say_open(what: str) -> Markdown:
    """Return what a card says of something that only a person can know.

    >>> say_open("whom to ask")
    '_Not stated. Write here whom to ask._'
    """
    return Markdown(f"_Not stated. Write here {what}._")


def escape_markdown(text: str) -> str:
    r"""Return text on one line that Markdown shows as it is, with blanks in place of what cannot be seen.

    >>> print(escape_markdown("# <b>free</b>\n---\nfor *all*"), escape_markdown("- 1"))
    \# \<b\>free\</b\> --- for \*all\* \- 1
    """
    seen = "".join(one if one.isprintable() or one in _JOINERS else " " for one in text)
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], " ".join(seen.split()))
    first = _FIRST.match(escaped)
    if first is None:
        return escaped
    at = first.end() if escaped[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


def to_yaml(value: Any, indent: str = "") -> str:
    """Return mappings, lists, texts, numbers and truth values as YAML, without its last line end.

    Every reader gets back what was given: texts are quoted wherever one version of YAML or another could take
    them for something else.

    >>> print(to_yaml({"a": ["yes", "plain", {"b": True, "c": "1e3"}], "d: #": {"e": 4}, "f": []}))
    a:
    - "yes"
    - plain
    - b: true
      c: "1e3"
    "d: #":
      e: 4
    f: []
    """
    if isinstance(value, Mapping) and value:
        lines = []
        for name, one in value.items():
            deeper = indent + "  " if isinstance(one, Mapping) else indent
            is_block = bool(one) and isinstance(one, Mapping | Sequence) and not isinstance(one, str)
            lines.append(
                f"{indent}{_scalar(str(name))}:" + ("\n" if is_block else " ") + to_yaml(one, deeper)
            )
        return "\n".join(lines)
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return "\n".join(f"{indent}- {to_yaml(one, indent + '  ').lstrip(' ')}" for one in value)
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return "{}" if isinstance(value, Mapping) else "[]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int):
        return "null" if value is None else str(value).lower()
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    quoted = []
    for letter in text:
        code = ord(letter)
        if letter in '"\\':
            quoted.append("\\" + letter)
        elif letter.isprintable():
            quoted.append(letter)
        elif 0xD800 <= code <= 0xDFFF:  # half a letter, of a name that is not UTF-8
            quoted.append("\N{REPLACEMENT CHARACTER}")
        else:
            quoted.append(
                f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
            )
    return f'"{"".join(quoted)}"'
