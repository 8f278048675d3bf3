"""How the code is laid out, in figures: folders, imports, helpers, functions, lines.

python -m tests.house          print the table
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("facedata", "facemodel")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A file of a package."""

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return _parse(self.path)

    @property
    def room(self) -> str:
        """The folder or top-level module it belongs to, such as ``facedata.files``."""
        return ".".join(self.name.split(".")[:2])

    @property
    def is_package(self) -> bool:
        """Tell whether it is a folder's ``__init__``."""
        return self.path.name == "__init__.py"


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(package: str) -> list[Module]:
    """Return a package's modules, the package itself among them."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append(Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imported_names(module: Module) -> Iterator[tuple[str, str]]:
    """Yield each module it imports from and each name it takes from there, also within functions."""
    here = module.name.split(".")
    package = here if module.is_package else here[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((source, alias.name) for alias in node.names)


def imported_modules(module: Module, known: Mapping[str, Module]) -> set[str]:
    """Return which of the known modules a module imports."""
    found = set()
    for source, name in imported_names(module):
        whole = f"{source}.{name}"
        found.add(whole if whole in known and not _is_a_function(known, source, name) else source)
    return {name for name in found if name in known} - {module.name}


def _is_a_function(known: Mapping[str, Module], source: str, name: str) -> bool:
    """Tell whether a package's ``__init__`` imports the name, whatever module is called so."""
    return source in known and any(name == taken for _, taken in imported_names(known[source]))


def room_imports(package: str) -> dict[str, set[str]]:
    """Return the rooms that each room imports."""
    known = {module.name: module for module in modules(package)}
    rooms: dict[str, set[str]] = {module.room: set() for module in known.values()}
    for module in known.values():
        rooms[module.room] |= {known[name].room for name in imported_modules(module, known)} - {module.room}
    return rooms


def longest_chain(graph: Mapping[str, set[str]]) -> int:
    """Return how many folders the longest chain of imports passes; circles raise."""

    @cache
    def length(name: str) -> int:
        is_folder = ROOT.joinpath(*name.split(".")).is_dir() and "." in name
        return is_folder + max((length(other) for other in graph[name]), default=0)

    return max(map(length, graph))


def functions(module: Module) -> Iterator[_Function]:
    """Yield every function and method."""
    return (node for node in ast.walk(module.tree) if isinstance(node, _Function))


def body_lines(node: _Function) -> int:
    """Return how many lines a function has, its docstring aside."""
    lines = (node.end_lineno or 0) - node.lineno + 1
    if not ast.get_docstring(node):
        return lines
    return lines - ((node.body[0].end_lineno or 0) - node.body[0].lineno + 1)


def helpers_used_once(module: Module) -> list[_Function]:
    """Return a module's private functions of the top level that are named in one place only."""
    named = Counter(node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name))
    named.update(node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute))
    return [
        node
        for node in module.tree.body
        if isinstance(node, _Function) and node.name.startswith("_") and not node.name.startswith("__")
        if named[node.name] == 1
    ]


def share_of_helpers(package: str) -> float:
    """Return the share of helpers used once among the functions of the top level."""
    found = modules(package)
    total = sum(isinstance(node, _Function) for module in found for node in module.tree.body)
    return sum(len(helpers_used_once(module)) for module in found) / total


def undocumented_names(module: Module) -> list[str]:
    """Return a module's public functions, classes and methods that have no docstring."""

    def public(
        node: ast.Module | ast.ClassDef, within: str
    ) -> Iterator[tuple[str, _Function | ast.ClassDef]]:
        for child in node.body:
            if isinstance(child, _Function | ast.ClassDef) and not child.name.startswith("_"):
                yield within + child.name, child
                if isinstance(child, ast.ClassDef):
                    yield from public(child, f"{within}{child.name}.")

    return [
        name
        for name, node in public(module.tree, "")
        if not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list)
    ]


def table() -> list[tuple[str, str, str]]:
    """Return each measure's name, the figures of both packages, and the goal."""
    by_package = {package: modules(package) for package in PACKAGES}
    rows: list[tuple[str, list[object], str]] = []
    folders = {
        package: Counter(module.path.parent for module in found if not module.is_package)
        for package, found in by_package.items()
    }
    rows.append(("fullest folder, modules", [max(folders[p].values()) for p in PACKAGES], "12"))
    names = [max(len(set(imported_names(m))) for m in by_package[p]) for p in PACKAGES]
    rows.append(("names imported by one module, most", list(names), "40"))
    chains = [longest_chain(room_imports(p)) for p in PACKAGES]
    rows.append(("longest import chain, folders", list(chains), "9"))
    shares = [f"{100 * share_of_helpers(package):.0f}%" for package in PACKAGES]
    rows.append(("private helpers used once", list(shares), "15%"))
    tall = []
    for package in PACKAGES:
        sizes = [body_lines(node) for module in by_package[package] for node in functions(module)]
        tall.append(f"{statistics.quantiles(sizes, n=10)[-1]:.0f}")
    rows.append(("function without docstring, 90th percentile", list(tall), "25"))
    undocumented = [sum(map(len, map(undocumented_names, by_package[package]))) for package in PACKAGES]
    rows.append(("public names without a docstring", list(undocumented), "0"))
    lines = [
        sum(len(m.path.read_text(encoding="utf-8").splitlines()) for m in by_package[p]) for p in PACKAGES
    ]
    rows.append(("lines", [f"{count:,}" for count in lines], f"together {sum(lines):,}"))
    return [(name, " / ".join(map(str, figures)), goal) for name, figures, goal in rows]


def main() -> None:
    """Print the table, or the helpers of some modules."""
    if len(sys.argv) > 1:
        for module in (module for package in PACKAGES for module in modules(package)):
            for node in helpers_used_once(module) if module.name.startswith(tuple(sys.argv[1:])) else ():
                lines = (node.end_lineno or 0) - node.lineno + 1
                print(f"{module.name}:{node.lineno} {node.name}, {lines} lines")
        return
    rows = [("", " / ".join(PACKAGES), "at most"), *table()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
