"""Follow every link of a built site."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src", "source": "src"}
# what the browser itself fetches; a page may link to other sites, but not load from them
_LOADS = {"img", "script", "iframe", "source"}


class _Page(HTMLParser):
    """The ids and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := given.get(name))}
        target = given.get(_LINKS.get(tag, ""))
        if target:
            is_style = tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload")
            self.links.append((target, "load" if tag in _LOADS or is_style else "link"))


def find_broken(site: Path) -> list[str]:
    """Return the links of a site's pages that lead nowhere, and what they load from elsewhere.

    A link is good if its file is in the site and has the anchor's id. Addresses of other sites are not asked.
    """
    pages = {path: _read(path) for path in sorted(site.resolve().rglob("*.html"))}
    return [
        f"{path.relative_to(site.resolve())}: {target}"
        for path in pages
        for target in _broken_of(path, site, pages)
    ]


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _broken_of(path: Path, site: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for target, kind in pages[path].links:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if kind == "load" and parts.scheme not in ("data", "blob"):
                yield f"{target} (loaded from elsewhere)"
            continue
        # a server answers any address with 404.html, so its links begin at the root
        below = site if path.name == "404.html" else path.parent
        place = parts.path.removeprefix("/") if path.name == "404.html" else parts.path
        linked = (below / unquote(place)).resolve() if place else path
        linked = linked / "index.html" if linked.is_dir() else linked
        anchor = unquote(parts.fragment)
        if not linked.is_file() or not linked.is_relative_to(site):
            yield target
        elif anchor and linked.suffix == ".html" and anchor not in pages.get(linked, pages[path]).ids:
            yield f"{target} (no such anchor)"
