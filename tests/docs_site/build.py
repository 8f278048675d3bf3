"""Build the documentation's site: ``python -m tests.docs_site.build [--out site] [--without-gallery]``.

The pages of docs/, the README and its companions, the Python reference and the gallery's pages are laid out
in a folder of their own, from which Zensical makes the site: so docs/ holds no generated file. A warning is
an error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs_site.crawl import find_broken
from tests.docs_site.gallery import add_pages
from tests.docs_site.reference import write_reference

ROOT = Path(__file__).parents[2]
_FROM_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}

_INDEX_PAGE = "package.md"
"""What a package index shows, in the place of the README."""


class SiteError(Exception):
    """The site has a fault; the text says which."""


def lay_out(folder: Path, *, gallery: bool = True) -> None:
    """Write what the site is made from to ``folder``: mkdocs.yml and docs/.

    Args:
        folder: an empty folder.
        gallery: make the demo set's pages too, which takes half a minute.
    """
    docs = folder / "docs"
    shutil.copytree(ROOT / "docs", docs)
    (docs / _INDEX_PAGE).unlink(missing_ok=True)
    shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    for source, name in _FROM_ROOT.items():
        shutil.copyfile(ROOT / source, docs / name)
    (docs / "reference").mkdir()
    for package in ("facedata", "facemodel"):
        (docs / "reference" / f"{package}.md").write_text(write_reference(package), encoding="utf-8")
    if gallery:
        with tempfile.TemporaryDirectory() as work:
            add_pages(docs, ROOT, Path(work))
    for page in docs.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_relink(text, in_root=page.name in _FROM_ROOT.values()), encoding="utf-8")


def _relink(text: str, *, in_root: bool) -> str:
    """Let links between the repository's root and docs/ hold on the site, where both are one folder.

    What is linked beyond these (code, the licence) is not on the site, so its name stays as text.
    """

    def new(match: re.Match[str]) -> str:
        label, target = match.groups()
        path, sign, anchor = target.partition("#")
        if path.startswith(("http:", "https:", "mailto:")) or not path:
            return match[0]
        inside = path.removeprefix("docs/") if in_root else path
        name = Path(path).name
        if name in _FROM_ROOT and inside.rpartition("/")[0] in ("", "..", "../.."):
            up = "../" * (inside.count("../") - 1)
            return f"[{label}]({up}{_FROM_ROOT[name]}{sign}{anchor})"
        is_elsewhere = (in_root and not path.startswith("docs/") and path not in _FROM_ROOT.values()) or (
            path.startswith("../") and name.endswith((".py", ".toml", "LICENSE"))
        )
        return label if is_elsewhere else f"[{label}]({inside}{sign}{anchor})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part if part.startswith("```") else re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", new, part) for part in parts
    )


def build(out: Path, *, gallery: bool = True) -> None:
    """Build the site in ``out``, which is replaced.

    Raises:
        SiteError: Zensical fails or warns, or a link of the site leads nowhere.
    """
    with tempfile.TemporaryDirectory() as work:
        lay_out(Path(work), gallery=gallery)
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        finished = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        said = re.sub(r"\x1b\[[\d;]*m|Traceback .*", "", finished.stdout + finished.stderr, flags=re.DOTALL)
        if finished.returncode or re.search(r"warning|error", said, re.IGNORECASE):
            raise SiteError(said.strip())
        site = Path(work) / "site"
        if broken := find_broken(site):
            raise SiteError("links that lead nowhere:\n" + "\n".join(broken))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(site, out)


def main() -> None:
    """Build the site, and say where it is."""
    parser = argparse.ArgumentParser(description="Build the documentation's site.")
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    parser.add_argument("--without-gallery", action="store_true", help="do not make the demo set's pages")
    options = parser.parse_args()
    try:
        build(options.out, gallery=not options.without_gallery)
    except SiteError as fault:
        raise SystemExit(f"the site was not built:\n{fault}") from None
    print(f"site       {options.out}/index.html")


if __name__ == "__main__":
    main()
