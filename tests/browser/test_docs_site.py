"""The documentation's site: it builds without a warning, every link leads somewhere, and it is quiet."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs_site.build import ROOT, SiteError, build
from tests.docs_site.crawl import find_broken
from tests.docs_site.gallery import add_pages
from tests.docs_site.reference import write_reference
from tests.support.browser import OpenPage

_PAGES = ("cli.html", "tutorials/index.html", "reference/facedata.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site without the gallery's own pages."""
    pytest.importorskip("zensical", reason="Zensical is not installed, which builds the site (extra docs)")
    folder = tmp_path_factory.mktemp("docs") / "site"
    build(folder, gallery=False)
    return folder


def test_the_site_builds_and_every_link_leads_somewhere(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert len(list(site.rglob("*.html"))) > 25
    assert not find_broken(site)


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    named = re.findall(r"[\w/-]+\.md", nav)
    pages = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    pages.remove("package.md")  # the package index's
    from_root = {"index.md", "contributing.md", "changelog.md", "security.md"}
    assert sorted(named) == sorted([*pages, *from_root, "reference/facedata.md", "reference/facemodel.md"])


@pytest.mark.parametrize("package", ["facedata", "facemodel"])
def test_the_reference_has_every_public_name_with_what_it_says(package: str) -> None:
    page = write_reference(package)
    module = import_module(package)
    for name in module.__all__:
        assert re.search(rf"^### {name}\n\n(```python\n{name}\(|\S)", page, re.MULTILINE), name
    assert not re.search(r":(class|func|meth|data|mod|attr):|``(?!`)(?<!```)", page)
    assert page.count("```") % 2 == 0


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    """The first test rests on it."""
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="#top">1</a><a href="b.html#here">2</a><a href="https://example.org/">3</a>'
        '<a href="b.html#gone">4</a><a href="c.html">5</a><img src="../outside.png"><a href="#none">6</a>'
        '<script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="here">B</p>')
    assert find_broken(tmp_path) == [
        "a.html: b.html#gone (no such anchor)",
        "a.html: c.html",
        "a.html: ../outside.png",
        "a.html: #none (no such anchor)",
        "a.html: https://example.org/x.js (loaded from elsewhere)",
    ]


def test_a_page_with_a_broken_link_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zensical", reason="Zensical is not installed, which builds the site (extra docs)")
    module = import_module("tests.docs_site.build")
    for name in ("docs", "facedata", "facemodel"):
        (tmp_path / name).mkdir()
    (tmp_path / "docs" / "check.md").write_text("# Check\n")  # the reference links to it
    (tmp_path / "docs" / "quickstart.md").write_text("# Start\n\n[gone](gone.md)\n")
    settings = "site_name: small\ntheme:\n  font: false\nuse_directory_urls: false\n"
    (tmp_path / "mkdocs.yml").write_text(settings)
    for name in module._FROM_ROOT:
        (tmp_path / name).write_text("# Page\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    with pytest.raises(SiteError, match=r"gone\.md"):
        build(tmp_path / "site", gallery=False)
    assert not (tmp_path / "site").exists()


def test_links_between_root_and_docs_hold_on_the_site() -> None:
    relink = import_module("tests.docs_site.build")._relink
    in_root = {
        "[q](docs/quickstart.md#lfw) [c](CONTRIBUTING.md)": "[q](quickstart.md#lfw) [c](contributing.md)",
        "[code](facedata/config.py) [w](https://e.org/docs/)": "code [w](https://e.org/docs/)",
    }
    assert {text: relink(text, in_root=True) for text in in_root} == in_root
    in_docs = "[c](../CONTRIBUTING.md#a) [p](pages.md)"
    assert relink(in_docs, in_root=False) == "[c](contributing.md#a) [p](pages.md)"
    assert relink("[c](../../README.md)", in_root=False) == "[c](../index.md)"
    assert relink("```text\n[q](docs/a.md)\n```", in_root=True) == "```text\n[q](docs/a.md)\n```"


@pytest.mark.slow
def test_the_gallery_has_the_demo_s_pages(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "gallery.md").write_text("# Gallery\n")
    add_pages(docs, tmp_path, tmp_path / "work")
    linked = re.findall(r"\]\(([^)]+)\)", (docs / "gallery.md").read_text("utf-8"))
    assert linked == ["gallery/set/index.html", "gallery/review/index.html"]
    assert all((docs / page).is_file() for page in linked)


@pytest.mark.parametrize(("dark", "width"), [(True, 360), (False, 1280)])
def test_pages_from_disk_are_quiet_and_fit(open_page: OpenPage, site: Path, dark: bool, width: int) -> None:
    for name in _PAGES:
        visit = open_page(site / name, dark=dark, width=width)
        visit.page.wait_for_load_state("networkidle")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        outside = [url for url in visit.requests if not url.startswith((site.as_uri(), "data:", "blob:"))]
        assert not outside
        visit.requests.clear()  # a page in a folder of its own loads its style from the one above


def test_search_works_from_disk(open_page: OpenPage, site: Path) -> None:
    """Browsers start no worker there; a shim runs it in the page."""
    page = open_page(site / "index.html").page
    page.locator("button.md-search__button").first.click()
    box = page.locator("input[placeholder=Search]")
    box.press_sequentially("passport", delay=20)
    page.get_by_text("Passport photos").first.wait_for()
    assert box.input_value() == "passport"
