"""What holds for the whole package: imports point left, public names are pinned, house style."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import facedata

_IMPORT_S = 3
_PACKAGE = Path(facedata.__file__).parent

# The way of the data, in layers from left to right. A module imports only from layers left of its own, or
# from modules that stand before it in its own.
_ORDER = [
    ["errors", "place", "types", "schema", "options", "config", "order", "fingers", "digests", "names"],
    ["painted", "testing"],
    [
        "sources.base",
        "sources.download",
        "sources.remote",
        "sources.archive",
        "sources.folder",
        "sources.table",
        "sources.lists",
    ],
    ["sources.celeba", "sources.lfw", "sources.demo", "sources", "sources.reopen"],
    ["jpeg", "image", "picture", "memory"],
    [
        "detect.boxes",
        "detect.choose",
        "detect.search",
        "detect.base",
        "detect.networks",
        "detect.halves",
        "detect.pooling",
        "detect.cascade",
        "detect.mtcnn",
        "detect.refine",
        "detect.levels",
        "detect.yunet",
        "detect.retinaface",
        "detect.weights",
        "detect",
    ],
    ["align", "find", "cut", "store", "blobs", "tars", "shard"],
    ["plan", "shards", "ledger", "parts", "known"],
    ["split", "quota", "pool", "combine", "sample", "official", "rows"],
    ["prepared", "staging", "divide", "draw", "settled"],
    ["classes", "manifest"],
    ["runlog", "work", "earlier", "processes", "engine"],
    ["cluster.base", "cluster.check", "cluster.engine", "cluster.on_dask", "cluster.on_ray", "cluster"],
    ["closing", "output", "prepare", "recut", "recrop"],
    ["crops", "summary"],
    ["", "flags", "cli"],
]
_RANK = {name: rank for rank, name in enumerate(name for layer in _ORDER for name in layer)}

_PUBLIC = [
    "ClassManifest", "CropConfig", "FacedataError", "PairManifest", "PairsConfig", "PrepareConfig",
    "PreparedSet", "SplitConfig", "TripletManifest", "TripletsConfig", "crop_set", "find_crops", "open_set",
    "pairs_set", "prepare", "split_set", "triplets_set",
]  # fmt: skip


def _modules() -> list[str]:
    """Return every module below the package, ``""`` for the package itself."""
    found = [info.name for info in pkgutil.walk_packages([str(_PACKAGE)], "facedata.")]
    return ["", *(name.removeprefix("facedata.") for name in found)]


_MODULES = _modules()


def _file(module: str) -> Path:
    path = _PACKAGE.joinpath(*module.split(".")) if module else _PACKAGE
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


def _imports(module: str) -> Iterator[str]:
    """Yield the full name of every module a module imports, also within functions."""
    here = ["facedata", *module.split(".")] if module else ["facedata"]
    package = here if _file(module).name == "__init__.py" else here[:-1]
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *((node.module or "").split(".") if node.module else [])]
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                yield whole if whole.removeprefix("facedata.") in _MODULES else ".".join(base)


def _left_of(module: str) -> str:
    """Return the name in the order; the painted faces are one package to the outside."""
    return "painted" if module.startswith("painted") else module


@pytest.mark.parametrize("module", _MODULES)
def test_imports_only_point_left(module: str) -> None:
    assert _left_of(module) in _RANK, f"give {module} its place in _ORDER"
    ours = {name for name in _imports(module) if name == "facedata" or name.startswith("facedata.")}
    for name in {_left_of(name.removeprefix("facedata").removeprefix(".")) for name in ours}:
        if name != _left_of(module):
            assert name in _RANK, f"give {name} its place in _ORDER"
            assert _RANK[name] < _RANK[_left_of(module)], f"{name} does not stand left of {module}"


def test_the_order_names_only_modules_there_are() -> None:
    assert set(_RANK) == {_left_of(module) for module in _MODULES}


@pytest.mark.parametrize("module", _MODULES)
def test_nothing_imports_the_model_package(module: str) -> None:
    assert not [name for name in _imports(module) if name.partition(".")[0] == "facemodel"]


def test_the_imports_are_seen() -> None:
    """The tests above rest on it."""
    assert {"facedata.errors", "facedata.schema", "pyarrow", "fcntl"} <= set(_imports("prepared"))
    assert {"facedata.config", "facedata.sources.base"} <= set(_imports("sources"))
    assert "facedata.detect.mtcnn" in set(_imports("detect"))
    assert "torch" in set(_imports("prepare"))  # within a function


@pytest.mark.parametrize("module", ["facedata", "facedata.cli", "facedata.testing"])
def test_importing_is_quick_and_leaves_torch_alone(module: str) -> None:
    program = (
        f"import sys, {module}; "
        "print(sorted({'torch', 'torchvision', 'facenet_pytorch', 'tensorflow', 'ray'} & set(sys.modules)))"
    )
    took_s = []
    for _ in range(3):  # the best of three: the machine may be busy, the disk cold
        before = time.monotonic()
        shown = subprocess.check_output([sys.executable, "-c", program], text=True)
        assert shown == "[]\n"
        took_s.append(time.monotonic() - before)
        if took_s[-1] < _IMPORT_S:
            return
    pytest.fail(f"import {module} takes {min(took_s):.1f} s, not {_IMPORT_S} at most")


def test_the_public_names_are_these() -> None:
    assert facedata.__all__ == _PUBLIC
    for name in _PUBLIC:
        assert hasattr(facedata, name)


def test_the_package_module_holds_imports_and_names_only() -> None:
    kinds = {type(node) for node in _tree("").body}
    assert kinds == {ast.Expr, ast.ImportFrom, ast.Assign}


@pytest.mark.parametrize("module", _MODULES)
def test_all_public_names_have_a_docstring(module: str) -> None:
    tree = _tree(module)
    assert ast.get_docstring(tree), f"{module} has no docstring"
    assert not [name for name, node in _public(tree) if not ast.get_docstring(node)]


_Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(node: ast.Module | ast.ClassDef, within: str = "") -> Iterator[tuple[str, _Documented]]:
    for child in node.body:
        if isinstance(child, _Documented) and not child.name.startswith("_"):
            yield within + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{within}{child.name}.")


@pytest.mark.parametrize("module", _MODULES)
def test_library_code_keeps_to_the_house_style(module: str) -> None:
    breaches = [_breach(node, module) for node in ast.walk(_tree(module))]
    assert not [breach for breach in breaches if breach]


def _breach(node: ast.AST, module: str) -> str | None:
    if isinstance(node, ast.Assert):
        return f"line {node.lineno}: assert"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return f"line {node.lineno}: bare except"
    if isinstance(node, ast.ExceptHandler) and all(isinstance(child, ast.Pass) for child in node.body):
        return f"line {node.lineno}: except: pass"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        forbidden = {"eval", "exec"} if module in {"cli", "flags"} else {"eval", "exec", "print"}
        return f"line {node.lineno}: {node.func.id}()" if node.func.id in forbidden else None
    return None


def test_breaches_of_the_house_style_are_seen() -> None:
    """The test above rests on it."""
    code = "try:\n  assert x\nexcept:\n  print(1)\ntry:\n  exec(y)\nexcept KeyError:\n  pass"
    found = sorted(filter(None, (_breach(node, "m") for node in ast.walk(ast.parse(code)))))
    assert [breach.partition(": ")[2] for breach in found] == [
        "assert",
        "bare except",
        "print()",
        "exec()",
        "except: pass",
    ]


@pytest.mark.parametrize("module", _MODULES)
def test_no_module_reads_pickles(module: str) -> None:
    """A file of somebody else's must never be able to run code here."""
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    assert not pickles & {name.partition(".")[0] for name in _imports(module)}
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Call):
            words = {word.arg: word.value for word in node.keywords}
            called = ast.unparse(node.func)
            assert "allow_pickle" not in words
            if called.endswith("torch.load"):
                assert isinstance(words.get("weights_only"), ast.Constant), f"line {node.lineno}"
                assert ast.unparse(words["weights_only"]) == "True"


@pytest.mark.parametrize("module", _MODULES)
def test_names_say_what_a_module_is_about(module: str) -> None:
    assert not {"utils", "util", "helpers", "common", "manager", "misc"} & set(module.split("."))


def test_all_errors_of_the_tree_are_on_its_page() -> None:
    errors = import_module("facedata.errors")
    page = errors.__doc__ or ""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    names = [value.__name__ for value in classes if value.__module__ == errors.__name__]
    assert len(names) > 15
    assert not [name for name in names if name not in page]
