"""A page: a template with styles, scripts and data in it, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .packed import pack

_LOOK = Path(__file__).parent / "look"


def render_page(
    template: Path,
    title: str,
    *,
    kind: str = "",
    data: Any = None,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    is_served: bool = False,
    **values: Any,
) -> bytes:
    """Return a page as UTF-8 HTML, self-contained but for pictures beside it.

    All values are text: jinja2 escapes them. The page's Content-Security-Policy allows its own style and
    script by their hashes, pictures from the page, its folder and its own data, and nothing else.

    Args:
        template: a file that extends ``base.html``; its folder may hold others that it includes.
        title: the page's, and its first heading's, unless the template has another.
        kind: what the page is, for programs: its ``generator``.
        data: what the scripts read, plain values and :func:`~.packed.column`; None for a page without.
        styles: files of the template's folder or of ``look/`` that follow ``look.css``, by name.
        scripts: the same that follow ``page.js`` and ``sheets.js``; a page without any has no script at all.
        is_served: the page may also send requests to the server that it came from.
        **values: what the template names.
    """
    folders = [template.parent, _LOOK]
    style = _join(folders, ["look.css", *styles])
    script = _join(folders, ["page.js", "sheets.js", *scripts]) if scripts else ""
    policy = [
        "default-src 'none'",
        f"style-src 'sha256-{_digest(style)}'",
        f"script-src 'sha256-{_digest(script)}'" if script else "script-src 'none'",
        # browsers differ on whether 'self' is the folder of a page on disk
        "img-src 'self' file: data: blob:",
        "connect-src 'self'" if is_served else "connect-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    page = _environment(template.parent).get_template(template.name).render(
        title=title, kind=kind, style=style, script=script, policy="; ".join(policy),
        data="" if data is None else pack(data), **values,
    )  # fmt: skip
    return page.encode()


@lru_cache(maxsize=8)
def _environment(folder: Path) -> Environment:
    """Return what finds and compiles a folder's templates; kept, since compiling takes longest."""
    return Environment(
        loader=FileSystemLoader([folder, _LOOK]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip


def _join(folders: Sequence[Path], names: Sequence[str]) -> str:
    """Return some files of ours as one text, each from the first folder that has it."""
    files = (next(folder / name for folder in folders if (folder / name).is_file()) for name in names)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
