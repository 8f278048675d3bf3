"""What holds for both packages: imports point left, public names are pinned, house style."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.house import (
    PACKAGES,
    ROOT,
    imported_modules,
    imported_names,
    longest_chain,
    modules,
    room_imports,
    share_of_helpers,
)

_IMPORT_S = 2
_MOST_MODULES = 12

# The way of the data. A room (a folder, or a module beside the folders) imports from rooms before its own.
_ROOMS = {
    "facedata": [
        "late_names", "errors", "types", "processes", "options", "config", "parser", "flags", "painted",
        "testing", "files", "photos", "tables", "interchange", "sources", "detect", "crops", "store", "pages",
        "sampling", "plan", "sets", "progress", "work", "closing", "checks", "report", "review", "exports",
        "forgetting", "bar", "commands", "", "cli",
    ],
    "facemodel": [
        "errors", "loss_table", "config", "validated", "spec", "recipes", "recipe_choice", "unused_options",
        "machine", "mining", "batches", "network", "epochs", "objective", "scoring", "models", "training",
        "recognition", "checks", "cards", "outputs", "pages", "bar", "commands", "", "cli", "__main__",
    ],
}  # fmt: skip

# What facemodel may use of facedata: what reads a prepared set, what files, options and errors are made of,
# and how pairs and triplets are drawn, since fresh rows of an epoch come the same way as a set's own.
_SHARED_ROOMS = {
    "", "late_names", "bar", "checks", "errors", "files", "flags", "options", "pages", "sampling", "sets",
    "store", "tables", "types", "config", "crops.codec", "progress.folder", "detect.choose",
    "detect.weights", "processes",
}  # fmt: skip
# Photos themselves are known to few: recognition starts from them, and embedding takes folders of crops.
_PHOTO_ROOMS = {"photos", "sources"}
_USERS_OF_PHOTOS = {"recognition.photos", "batches.sources"}

_PUBLIC = {
    "facedata": [
        "CheckConfig", "ClassManifest", "CropConfig", "ExportConfig", "FacedataError", "Findings",
        "FixConfig", "ForgetConfig", "PairManifest", "PairsConfig", "PrepareConfig", "PreparedSet",
        "ReportConfig", "ReviewConfig", "SplitConfig", "TripletManifest", "TripletsConfig", "check",
        "crop_set", "decode", "export_set", "find_crops", "fix_set", "forget_set", "open_set", "pairs_set",
        "prepare", "report_set", "review_set", "split_set", "template_matrix", "triplets_set",
    ],
    "facemodel": [
        "CheckConfig", "CompareConfig", "EmbedConfig", "Embedder", "EnrollConfig", "EvaluateConfig",
        "ExportConfig", "FacemodelError", "FitConfig", "ForgetConfig", "Gallery", "IdentifyConfig",
        "InputSpec", "MineConfig", "check", "compare", "embed_set", "enroll", "evaluate", "export_model",
        "fit", "forget_person", "identify", "list_recipes", "load_recipe", "mine", "model_info",
        "open_model", "read_gallery", "read_spec",
    ],
}  # fmt: skip


_MODULES = {module.name: module for package in PACKAGES for module in modules(package)}
each_module = pytest.mark.parametrize("module", _MODULES)
each_package = pytest.mark.parametrize("package", PACKAGES)


def _within(module: str) -> str:
    """Return a module's name within its package; empty for the package itself."""
    return module.partition(".")[2]


def _tree(module: str) -> ast.Module:
    return _MODULES[module].tree


def _imports(module: str) -> set[str]:
    """Return the modules of both packages that a module imports, also within functions."""
    return imported_modules(_MODULES[module], _MODULES)


@each_package
def test_rooms_import_only_from_rooms_before_them(package: str) -> None:
    order = [f"{package}.{name}".rstrip(".") for name in _ROOMS[package]]
    graph = room_imports(package)
    assert set(graph) == set(order), "give the new room its place"
    upward = {
        (room, other)
        for room, others in graph.items()
        for other in others
        if order.index(other) > order.index(room)
    }
    assert not upward


@each_package
def test_a_room_has_a_dozen_modules_at_most(package: str) -> None:
    folders = Counter(module.path.parent for module in modules(package) if not module.is_package)
    assert max(folders.values()) <= _MOST_MODULES


@each_package
def test_the_figures_of_the_house_hold(package: str) -> None:
    """`make measure-house` prints them."""
    assert max(len(set(imported_names(module))) for module in modules(package)) <= 40
    assert longest_chain(room_imports(package)) <= 9
    assert share_of_helpers(package) < 0.155  # 15%, rounded


@each_package
def test_a_room_s_page_says_what_it_is_for_and_names_its_files(package: str) -> None:
    """The tables of names, and what the package itself shows, are the only imports in an ``__init__``."""
    for module in modules(package):
        if not module.is_package or module.name == package:
            continue
        page = ast.get_docstring(module.tree) or ""
        files = [
            path.stem for path in module.path.parent.glob("*.py") if path.stem not in ("__init__", "__main__")
        ]
        assert not [name for name in files if f"``{name}``" not in page], module.name
        if module.name != "facedata.painted":
            assert len(module.tree.body) == 1, module.name


@each_module
def test_the_packages_know_of_each_other_what_they_may(module: str) -> None:
    """facedata knows nothing of models, and facemodel reads sets; recognition alone starts from photos."""
    package = module.partition(".")[0]
    others = {name for name in _imports(module) if name.partition(".")[0] != package}
    if package == "facedata":
        assert not others
        return
    allowed = _SHARED_ROOMS | (_PHOTO_ROOMS if _within(module) in _USERS_OF_PHOTOS else set())
    paths = {_within(name) for name in others}
    assert not {name for name in paths if not {name, name.partition(".")[0]} & allowed}


def test_only_recognition_looks_for_faces() -> None:
    users = {
        module
        for module in _MODULES
        if module.startswith("facemodel")
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("facedata")
        if "find_crops" in {alias.name for alias in node.names}
    }
    assert users == {"facemodel.recognition.faces"}


def test_the_imports_are_seen() -> None:
    """The tests above rest on it."""
    assert {"facedata.errors", "facedata.tables.schema"} <= _imports("facedata.sets.prepared")
    assert {"facedata.config", "facedata.sources.base"} <= _imports("facedata.sources.open")
    assert "facedata.detect.mtcnn.detector" in _imports("facedata.detect.mtcnn.factory")  # within a function
    assert {"facedata", "facedata.crops.codec", "facemodel.models.embedder"} <= _imports(
        "facemodel.recognition.faces"
    )


@pytest.mark.parametrize(
    "module", ["facedata", "facedata.cli", "facedata.testing", "facemodel", "facemodel.cli"]
)
def test_importing_is_quick_and_leaves_torch_alone(module: str) -> None:
    program = (
        f"import sys, time, {module}; "
        "print(sorted({'torch', 'torchvision', 'facenet_pytorch', 'tensorflow', 'ray'} & set(sys.modules))); "
        "print(time.process_time())"
    )
    took_s = []
    for _ in range(3):  # the best of three, of processor time: the machine may be busy, the disk cold
        loaded, seconds = subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()
        assert loaded == "[]"
        took_s.append(float(seconds))
        if took_s[-1] < _IMPORT_S:
            return
    pytest.fail(f"import {module} takes {min(took_s):.1f} s, not {_IMPORT_S} at most")


@each_package
def test_the_public_names_are_these(package: str) -> None:
    module = import_module(package)
    assert module.__all__ == _PUBLIC[package]
    for name in _PUBLIC[package]:
        assert hasattr(module, name)


@each_package
def test_the_package_module_holds_imports_and_names_only(package: str) -> None:
    kinds = {type(node) for node in _tree(package).body}
    assert kinds == {ast.Expr, ast.ImportFrom, ast.If, ast.Assign}


@each_package
def test_a_name_that_is_not_there_is_said(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'fti'"):
        getattr(import_module(package), "fti")  # noqa: B009


@each_package
def test_type_checkers_see_the_names_that_are_looked_up_late(package: str) -> None:
    (block,) = [node for node in _tree(package).body if isinstance(node, ast.If)]
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == import_module(package)._HOMES
    assert {*_PUBLIC[package]} <= {*dir(import_module(package))}


@each_module
def test_all_public_names_have_a_docstring(module: str) -> None:
    tree = _tree(module)
    assert ast.get_docstring(tree), f"{module} has no docstring"
    assert not [name for name, node in _public(tree) if not ast.get_docstring(node)]


_Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _is_overload(node: _Documented) -> bool:
    return "overload" in [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]


def _public(node: ast.Module | ast.ClassDef, within: str = "") -> Iterator[tuple[str, _Documented]]:
    for child in node.body:
        if isinstance(child, _Documented) and not child.name.startswith("_") and not _is_overload(child):
            yield within + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{within}{child.name}.")


@each_module
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
        shows = _within(module) in {"cli", "flags"}
        forbidden = {"eval", "exec"} if shows else {"eval", "exec", "print"}
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


@each_module
def test_no_module_reads_pickles(module: str) -> None:
    """A file of somebody else's must never be able to run code here; what goes to own workers is no file."""
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    imported = {name.partition(".")[0] for name, _ in imported_names(_MODULES[module])}
    assert module == "facedata.processes" or not pickles & imported
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Call):
            words = {word.arg: word.value for word in node.keywords}
            called = ast.unparse(node.func)
            assert "allow_pickle" not in words
            if called.endswith("torch.load"):
                assert isinstance(words.get("weights_only"), ast.Constant), f"line {node.lineno}"
                assert ast.unparse(words["weights_only"]) == "True"


@each_module
def test_names_say_what_a_module_is_about(module: str) -> None:
    assert not {"utils", "util", "helpers", "common", "manager", "misc"} & set(module.split("."))


_TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_no_test_imports_another_nor_a_conftest() -> None:
    """What tests share lies in ``tests.support``, also for the programs that they start."""
    for path in _TESTS:
        named = re.findall(
            r"\btests(?:\.\w+)*[. ](?:import )?(?:test_\w+|conftest)\b", path.read_text("utf-8")
        )
        assert not named, path


def test_fixtures_alone_are_in_a_conftest() -> None:
    """No function, class or constant that a test would have to import."""
    for path in (path for path in _TESTS if path.name == "conftest.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                assert node.name.startswith("pytest_") or any("fixture" in mark for mark in marks), path


@each_package
def test_unit_tests_stand_as_the_modules_do(package: str) -> None:
    """A test of ``files/locks.py`` is ``files/test_locks.py``; one may be about a part of its folder."""
    folder = ROOT / "tests" / "unit" / package
    rooms = {path.parent.relative_to(folder) for path in folder.rglob("test_*.py")}
    assert not [room for room in rooms if not (ROOT / package / room).is_dir()]


_Text = ast.Constant | ast.JoinedStr


def test_no_test_patches_by_a_path_in_a_string() -> None:
    """A name that moved would be an error of the day it is run, and no tool would find it."""
    for path in _TESTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], _Text):
                called = ast.unparse(node.func)
                assert called not in {"monkeypatch.setattr", "patch", "mock.patch"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize(("package", "at_least"), [("facedata", 15), ("facemodel", 12)])
def test_all_errors_of_the_tree_are_on_its_page(package: str, at_least: int) -> None:
    errors = import_module(f"{package}.errors")
    page = errors.__doc__ or ""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    names = [value.__name__ for value in classes if value.__module__ == errors.__name__]
    assert len(names) > at_least
    assert not [name for name in names if name not in page]
