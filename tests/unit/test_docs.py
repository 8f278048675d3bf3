"""The docs are tested: commands parse, Python runs, lists of columns, statuses and options are complete."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from facedata import open_set, prepare
from facedata.checks.findings import FINDINGS, Kind
from facedata.checks.quality.measure import QUALITY
from facedata.checks.quality.poor import RULES
from facedata.cli import parser as facedata_parser
from facedata.config import (
    DETECTORS,
    CheckConfig,
    CropConfig,
    ExportConfig,
    PairsConfig,
    PrepareConfig,
    ReportConfig,
    ReviewConfig,
    SplitConfig,
    TripletsConfig,
)
from facedata.options import Options
from facedata.tables import schema
from facedata.testing import FakeDetector, marked_folder
from facedata.types import Status
from facemodel import config as model_config
from facemodel.cli import parser as facemodel_parser
from facemodel.recipes import list_recipes
from tests.support.facedata_command import done, run
from tests.support.fit_files import read_fit_config

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FORMATS, CLI = ROOT / "docs/formats.md", ROOT / "docs/cli.md"
CHECK = ROOT / "docs/check.md"
MODELS, RECIPES = ROOT / "docs/models.md", ROOT / "docs/recipes.md"
PARSERS = {"facedata": facedata_parser, "facemodel": facemodel_parser}
COMMANDS: dict[str, type[Options]] = {
    "facedata prepare": PrepareConfig,
    "facedata split": SplitConfig,
    "facedata pairs": PairsConfig,
    "facedata triplets": TripletsConfig,
    "facedata crop": CropConfig,
    "facedata check": CheckConfig,
    "facedata report": ReportConfig,
    "facedata review": ReviewConfig,
    "facedata export": ExportConfig,
    "facemodel fit": model_config.FitConfig,
    "facemodel embed": model_config.EmbedConfig,
    "facemodel evaluate": model_config.EvaluateConfig,
    "facemodel compare": model_config.CompareConfig,
    "facemodel check": model_config.CheckConfig,
    "facemodel enroll": model_config.EnrollConfig,
    "facemodel identify": model_config.IdentifyConfig,
    "facemodel mine": model_config.MineConfig,
    "facemodel export": model_config.ExportConfig,
}
# in words, since the value is None: what stands in for it is the command's to find out
DEFAULTS_IN_WORDS = {
    "facedata prepare": {
        "face": "the source's own",
        "size": "the template's own: `240`, `112` or `160`",
        "split_by": "`identity`; `official` for LFW, where a source in another program's format has splits, "
        "and with `--split-from`",
        "pairs": "the official ones if there are any, else two per photo",
        "workers": "one per core",
        "cache": "`~/.cache/facedata`",
        "weights": "downloaded once",
    },
    "facedata crop": {
        "size": "the template's own: `240`, `112` or `160`",
        "workers": "one per core",
        "cache": "`~/.cache/facedata`",
    },
    "facedata check": {"workers": "one per core"},
    "facedata report": {"workers": "one per core", "cache": "`~/.cache/facedata`"},
    "facedata pairs": {"count": "two per photo"},
    "facedata triplets": {"count": "`--per-photo` times its photos"},
    "facemodel fit": {"workers": "one per core", "per_negative": "ten times the average, at least ten"},
    "facemodel embed": {"workers": "one per core"},
    "facemodel evaluate": {"workers": "one per core", "metric": "the model's own"},
    "facemodel compare": {
        "set": "the one that the first model was trained on",
        "split": "that of the scores, else `test`",
        "pairs": "the set's own",
        "workers": "one per core",
    },
    "facemodel check": {
        "workers": "one per core",
        "same": "estimated from the set",
        "far": "estimated from the set",
        "shared": "estimated from both sets",
    },
    "facemodel enroll": {"threshold": "by `--far`", "far": "`0.01`, or the model's threshold"},
    "facemodel identify": {"threshold": "the gallery's, else the model's own", "far": "the gallery's"},
    "facemodel mine": {
        "workers": "one per core",
        "count": "one per crop that can be an anchor",
        "per_negative": "ten times the average, at least ten",
        "suspects": "beside `--out`, as `NAME.suspects.parquet`",
        "memory_mb": "`1024`, on a GPU `8192`",
    },
    "facemodel export": {"set": "the one it was trained on"},
}
each_doc = pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)


def text_of(doc: Path) -> str:
    return doc.read_text(encoding="utf-8")


def blocks(doc: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(doc), re.MULTILINE | re.DOTALL)


def prose(doc: Path) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(doc), flags=re.MULTILINE | re.DOTALL)


def section(doc: Path, heading: str) -> str:
    """Return what stands below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text_of(doc), re.MULTILINE | re.DOTALL)
    assert found, f"{doc.name} has no section {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row whose first cell is one `code` word."""
    lines = [line for line in text.splitlines() if re.match(r"\| `[^`]+` \|", line)]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def commands(doc: Path) -> list[list[str]]:
    lines = [line for block in blocks(doc, "console") for line in block.splitlines()]
    typed = [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]
    # what goes to a file is the shell's
    return [list(takewhile(lambda word: word != ">", words)) for words in typed if words[0] in PARSERS]


def type_name(kind: pa.DataType) -> str:
    """Return an Arrow type as formats.md writes it."""
    names = {pa.float32(): "float32", pa.float64(): "float64"}
    if pa.types.is_dictionary(kind):
        return f"dictionary of {type_name(kind.value_type)}"
    if pa.types.is_fixed_size_list(kind):
        return f"{type_name(kind.value_type)}[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"list of {type_name(kind.value_type)}"
    return names.get(kind, str(kind))


@pytest.fixture
def fake_detection() -> Iterator[None]:
    """Let `mtcnn` mean the fake."""
    with patch.dict(DETECTORS, mtcnn=lambda least_px, device: FakeDetector):
        yield


@pytest.fixture(scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    marked_folder(folder / "photos", people=8, photos=4)
    (folder / "photos/person-00/broken.jpg").write_bytes(b"\xff\xd8\xff")
    prepare(folder / "photos", folder / "faces", size=64, workers=1, detector=FakeDetector)
    return folder


@pytest.fixture
def reader_folder(_folder: Path, monkeypatch: pytest.MonkeyPatch, fake_detection: None) -> Path:
    """The folder a reader of the docs stands in: photos/, one of them no photo, and their set faces/."""
    monkeypatch.chdir(_folder)
    return _folder


@each_doc
def test_commands_parse(doc: Path) -> None:
    for program, *words in commands(doc):
        PARSERS[program].parse_args(words)  # ends the test with SystemExit if it cannot


def test_there_are_commands_and_python_to_test() -> None:
    assert len(commands(CLI)) > 10
    assert len([words for words in commands(MODELS) if words[0] == "facemodel"]) > 10
    assert len(blocks(ROOT / "docs/quickstart.md", "python")) > 4
    assert blocks(ROOT / "README.md", "python")


@each_doc
def test_python_blocks_compile(doc: Path) -> None:
    for block in blocks(doc, "python"):
        compile(block, doc.name, "exec")


@each_doc
def test_what_python_blocks_import_is_there(doc: Path) -> None:
    ours = [
        (node.module, alias.name)
        for block in blocks(doc, "python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("facedata", "facemodel"))
        for alias in node.names
    ]
    assert not [(module, name) for module, name in ours if not hasattr(import_module(module or ""), name)]


@each_doc
def test_lists_begin_after_a_blank_line(doc: Path) -> None:
    """The site's Markdown takes them for prose otherwise, and fences in lists that are indented by three."""
    before, item = "", re.compile(r"\s*([-*]|\d+\.) ")
    for line in prose(doc).splitlines():
        assert not (item.match(line) and before and not item.match(before) and before[0] not in " |"), line
        before = line.rstrip()
    assert not re.search(r"^ {1,3}```", text_of(doc), re.MULTILINE)


def test_quickstart_python_runs_from_top_to_bottom(
    reader_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs/quickstart.md", "python"):
        exec(block, names)
    assert names["anchor"].shape == (32, 3, 64, 64)
    assert len(names["again"]) == len(names["more"])
    printed = capsys.readouterr().out
    assert "person-00/broken.jpg unreadable" in printed
    assert "(240, 240, 3)" in printed  # of find_crops, which found the photo's face


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_detection: None) -> None:
    marked_folder(tmp_path / "photos", people=8, photos=2)
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(ROOT / "README.md", "python")
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["triplets"][0].anchor.image().shape == (240, 240, 3)


def test_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    shown = next(block for block in blocks(ROOT / "README.md", "console") if "prepare demo" in block)
    out = tmp_path / "demo-faces"
    finished = run("prepare", "demo", "--out", out, "--device", "cpu", detector=None)
    printed = finished.stdout.replace(str(out), out.name)
    # the fingerprint holds the crops' bytes, and so the libraries' last bits
    assert without_fingerprint(printed) == without_fingerprint(shown.partition("demo-faces\n")[2])


def without_fingerprint(text: str) -> list[str]:
    return re.sub(r"fingerprint \w+", "", text).splitlines()


def test_config_file_of_the_docs_is_accepted(reader_folder: Path, tmp_path: Path) -> None:
    (toml,) = blocks(CLI, "toml")
    file, out = tmp_path / "prepare.toml", tmp_path / "configured"
    file.write_text(toml, encoding="utf-8")
    done("prepare", "folder", "photos/", "--config", file, "--workers", 1, "--out", out)
    info = open_set(out).info
    assert info["settings"]["min_photos"] == 4
    assert info["licence"]


@pytest.mark.parametrize("kind", schema.KINDS)
def test_formats_lists_every_column_in_order(kind: str) -> None:
    written = [(cells[0].strip("`"), cells[1]) for cells in rows(section(FORMATS, f"{kind}.parquet"))]
    assert written == [(field.name, type_name(field.type)) for field in schema.KINDS[kind]]


@pytest.mark.parametrize("kind", schema.KINDS)
def test_formats_says_which_columns_are_never_null(kind: str) -> None:
    may_be_null = {
        cells[0].strip("`"): cells[2] != "never" for cells in rows(section(FORMATS, f"{kind}.parquet"))
    }
    assert may_be_null == {field.name: field.nullable for field in schema.KINDS[kind]}


def test_formats_lists_every_column_of_findings() -> None:
    written = [tuple(cells[:2]) for cells in rows(section(FORMATS, "check/findings.parquet"))]
    assert written == [(f"`{field.name}`", type_name(field.type)) for field in FINDINGS]


def test_formats_lists_every_quality() -> None:
    written = [tuple(cells[:2]) for cells in rows(section(FORMATS, "check/quality.parquet"))]
    assert written == [(f"`{field.name}`", type_name(field.type)) for field in QUALITY]


def test_check_gives_the_threshold_of_every_quality() -> None:
    written = {
        cells[2].strip("`"): cells[3].split()[0] for cells in rows(section(CHECK, "Quality")) if cells[3]
    }
    config = CheckConfig()
    assert written == {rule.kind.value: f"{getattr(config, rule.kind.value):g}" for rule in RULES}
    assert {cells[0].strip("`") for cells in rows(section(CHECK, "Quality"))} == {*QUALITY.names} - {"id"}


def test_check_explains_every_kind_of_finding() -> None:
    (table,) = re.findall(r"^\| kind \|.*?\n\n", section(CHECK, "What is found"), re.MULTILINE | re.DOTALL)
    first = [line.split("|")[1] for line in table.splitlines()[2:] if line]
    assert re.findall(r"`(\w+)`", " ".join(first)) == [kind.value for kind in Kind]


def test_formats_explains_every_status() -> None:
    assert [cells[0].strip("`") for cells in rows(section(FORMATS, "Statuses"))] == [
        status.value for status in Status
    ]


def test_formats_lists_every_key_of_dataset_json(reader_folder: Path) -> None:
    info = open_set("faces/").info
    listed = [cells[0].strip("`") for cells in rows(section(FORMATS, "dataset.json"))]
    # this set has no corrections, and no finished crops
    assert sorted(listed) == sorted([*info, *info["counts"], "corrections", "as_crops"])


def test_formats_names_every_file_of_a_set(reader_folder: Path) -> None:
    (tree, *_) = blocks(FORMATS, "text")
    listed = {line.split()[0].rstrip("/") for line in tree.splitlines()[1:]}
    there = {entry.name for entry in Path("faces").iterdir()}
    only_some = {"protocol.parquet", "corrections.parquet", "forgotten.json", "check", "review", ".work"}
    assert listed == there | only_some


@pytest.mark.parametrize("command", COMMANDS)
def test_cli_lists_every_option_with_its_default(command: str) -> None:
    fields = dataclasses.fields(COMMANDS[command])  # type: ignore[arg-type]  # every Options is a dataclass
    wanted = {
        "--" + field.name.replace("_", "-"): DEFAULTS_IN_WORDS.get(command, {}).get(field.name)
        or default_text(field.default)
        for field in fields
        if field.name != "kind"
    }
    listed = {cells[0].strip("`"): cells[1] for cells in rows(section(CLI, command))}
    assert {flag: text for flag, text in listed.items() if flag in wanted} == wanted
    assert {flag for flag in listed if flag.startswith("--")} - {"--config"} == set(wanted)


def default_text(value: object) -> str:
    words = {None: "none", (): "none", False: "`no`", True: "`yes`", "": "`''`"}
    return words[value] if value in (None, (), "") or isinstance(value, bool) else f"`{value}`"


@pytest.mark.parametrize("command", ["facedata prepare", "facemodel fit"])
def test_cli_says_which_options_shape_what_is_made(command: str) -> None:
    listed = {
        cells[0].strip("`"): cells[2] for cells in rows(section(CLI, command)) if cells[0].startswith("`--")
    }
    for field in dataclasses.fields(COMMANDS[command]):  # type: ignore[arg-type]  # every Options is one
        if field.name != "kind":
            said = listed["--" + field.name.replace("_", "-")]
            assert said == ("yes" if field.metadata["shapes"] else "no"), field.name


@pytest.mark.parametrize("program", PARSERS)
def test_cli_names_every_flag_and_choice_of_the_parser(program: str) -> None:
    shared = section(CLI, "On every command")
    for command, parser in subparsers(program).items():
        text = section(CLI, f"{program} {command}") + shared
        for action in parser._actions:
            # -h and --no-… are second spellings, explained once
            for flag in [flag for flag in action.option_strings if not re.match("-h|--no-", flag)]:
                assert re.search(rf"`{flag}\b", text), f"{command} {flag}"
            for choice in action.choices or ():
                assert f"`{choice}`" in text, f"{command} {action.dest} {choice}"


def subparsers(program: str) -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in PARSERS[program]._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def test_cli_shows_every_command() -> None:
    for program, overview in zip(PARSERS, blocks(CLI, "text"), strict=False):
        assert [line.split()[:2] for line in overview.splitlines()] == [
            [program, command] for command in subparsers(program)
        ]


def test_the_demos_options_are_those_of_the_docs() -> None:
    (toml,) = blocks(MODELS, "toml")
    assert toml == text_of(ROOT / "docs/demo.toml")
    assert read_fit_config(ROOT / "docs/demo.toml").closed


def test_recipes_are_all_explained() -> None:
    listed = [cells[0].strip("`") for cells in rows(text_of(RECIPES))]
    names = [recipe.name for recipe in list_recipes()]
    assert listed[listed.index("default") :][: len(names)] == names


@pytest.mark.parametrize(("trip", "package"), [("photo", "facedata"), ("triplet", "facemodel")])
def test_a_trip_in_architecture_has_a_dozen_stops_that_exist(trip: str, package: str) -> None:
    text = text_of(ROOT / "docs/architecture.md")
    section = re.split(r"^## ", text.partition(f"## One {trip}'s trip\n")[2], flags=re.MULTILINE)[0]
    stops = re.findall(r"^\d+\. `([a-z_/0-9]+\.py)`", section, re.MULTILINE)
    assert 8 <= len(stops) <= 12
    assert [stop for stop in stops if not (ROOT / package / stop).is_file()] == []


@each_doc
def test_links_resolve(doc: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+(?:\s[^)\s]+)*)\)", prose(doc)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        linked = (doc.parent / path).resolve() if path else doc
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(doc: Path) -> set[str]:
    """Return the headings' anchors as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(doc), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_doc
def test_no_machine_path_or_package_host(doc: Path) -> None:
    place = re.compile(
        r"(?<![\w.~<>-])/(home|root|tmp|work|mnt|opt|usr|var|Users)\b|localhost|index-url|pypi", re.I
    )
    found = [line for line in text_of(doc).splitlines() if place.search(line)]
    assert not found


def test_pictures_are_small() -> None:
    pictures = [
        path for path in (ROOT / "docs").rglob("*") if path.suffix in {".png", ".jpg", ".gif", ".svg"}
    ]
    assert pictures
    assert sum(path.stat().st_size for path in pictures) < 300_000
