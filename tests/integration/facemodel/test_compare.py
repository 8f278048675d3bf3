"""Several runs on the same pairs, folders that evaluate wrote and models, to the page and the tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import facemodel
from facedata import PairManifest, open_set
from facedata.config import SplitConfig
from facedata.errors import FacedataError, UsageError
from facedata.tables.parquet import write_table
from facemodel.commands.evaluate import evaluate
from facemodel.errors import ScoreError
from facemodel.scoring.compared.table import compare_table
from tests.support.colour_embedder import ColourEmbedder
from tests.support.facemodel_command import done, here
from tests.support.onnx_networks import colour_net
from tests.support.page_text import PageText
from tests.support.people_set import people_set
from tests.support.saved_runs import write_run
from tests.support.small_set import make_set

THREE = SplitConfig(splits="test=0.6,train=0.2,val=0.2")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set, another one, and the scores of two models on the first."""
    folder = tmp_path_factory.mktemp("compare")
    people_set(folder / "faces", 60, 4, splits="test=0.6,train=0.2,val=0.2")
    people_set(folder / "others", 30, 3, splits="test=0.6,train=0.4")
    evaluate(ColourEmbedder(metric="cosine"), folder / "faces", folder / "cosine")
    evaluate(ColourEmbedder(), folder / "faces", folder / "euclid")
    return folder


def scores_of(folder: Path) -> tuple[dict[str, Any], Any]:
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return scores, pq.read_table(folder / "scores.parquet").to_pandas()


def test_its_figures_are_those_of_evaluate_and_of_scikit_learn(home: Path) -> None:
    found = facemodel.compare([home / "cosine", home / "euclid"], None)
    for run, name in zip(found["runs"], ("cosine", "euclid"), strict=True):
        scores, table = scores_of(home / name)
        figures, metric = scores["figures"][run["metric"]], scores["metric"]
        assert run["metric"] == metric
        assert run["threshold"] == figures["threshold"]
        for figure in ("accuracy", "auc", "eer"):
            assert run["figures"][figure]["value"] == figures[figure]
        for figure in ("accuracy", "auc"):  # the same draws of the same people
            assert run["figures"][figure]["interval"] == pytest.approx(figures["intervals"][figure], abs=1e-9)
        alike = table[metric] if metric == "cosine" else -table[metric]
        limit = run["threshold"]["value"] if metric == "cosine" else -run["threshold"]["value"]
        assert run["figures"]["auc"]["value"] == pytest.approx(roc_auc_score(table.same, alike))
        assert run["figures"]["accuracy"]["value"] == accuracy_score(table.same, alike >= limit)
    assert found["draws"] == 1000
    assert found["pairs"] == scores_of(home / "cosine")[0]["pairs"]
    for name, one in found["differences"][0]["figures"].items():
        values = [run["figures"][name]["value"] for run in found["runs"]]
        assert one["value"] == pytest.approx(values[1] - values[0])
        assert one["interval"][0] < one["value"] < one["interval"][1]


def test_it_writes_a_page_a_table_and_all_values_with_the_same_bytes_each_time(
    home: Path, tmp_path: Path
) -> None:
    runs = [home / "cosine", home / "euclid"]
    found = [facemodel.compare(runs, tmp_path / name, set=str(home / "faces")) for name in "ab"]
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == [
        "compare.json",
        "compare.md",
        "report.html",
    ]
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
        assert str(home).encode() not in file.read_bytes()
    assert json.loads((tmp_path / "a/compare.json").read_text(encoding="utf-8")) == found[0] == found[1]
    page = PageText((tmp_path / "a/report.html").read_bytes())
    page.check_closed()
    assert len(page.pictures) == 2 * len(found[0]["disagreements"]) > 0
    markdown = (tmp_path / "a/compare.md").read_text(encoding="utf-8")
    for line in markdown.splitlines():
        if line.startswith(("| accuracy |", "| AUC |", "| EER |")) and line.count("|") == 4:
            assert [cell.strip() for cell in line.split("|")[1:-1]] in page.tables["figures"]


def test_a_run_against_itself_is_the_same(home: Path) -> None:
    found = facemodel.compare([home / "euclid", home / "euclid"], None)
    assert [run["name"] for run in found["runs"]] == ["euclid", "euclid (2)"]
    assert {one["verdict"] for one in found["differences"][0]["figures"].values()} == {"the same"}
    assert found["differences"][0]["disagreements"] == {"pairs": 0, "first": 0, "this": 0}


def test_the_other_way_round_the_signs_turn(home: Path) -> None:
    forth = facemodel.compare([home / "cosine", home / "euclid"], None)["differences"][0]
    back = facemodel.compare([home / "euclid", home / "cosine"], None)["differences"][0]
    for name, one in forth["figures"].items():
        assert back["figures"][name]["value"] == -one["value"]
        assert back["figures"][name]["interval"] == pytest.approx([-end for end in one["interval"][::-1]])
    assert back["disagreements"]["first"] == forth["disagreements"]["this"]


def test_a_model_is_scored_here_on_the_same_pairs(home: Path, tmp_path: Path) -> None:
    model = ColourEmbedder(metric="cosine")
    seen: list[tuple[int, int]] = []
    found = facemodel.compare(
        [home / "euclid", model], tmp_path / "out", set=str(home / "faces"),
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert [run["name"] for run in found["runs"]] == ["euclid", "colours.onnx"]
    assert seen[-1][0] == seen[-1][1] == model.seen
    scores = facemodel.compare([home / "euclid", home / "cosine"], None)
    assert found["runs"][1]["figures"] == scores["runs"][1]["figures"]
    assert found["differences"][0]["figures"] == scores["differences"][0]["figures"]
    again = facemodel.compare([home / "euclid", tmp_path / "out/scores-2"], None)
    assert again["runs"][1]["figures"] == found["runs"][1]["figures"]


def test_a_run_of_fit_knows_its_set(home: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "state/settings.json").write_text(json.dumps({"set_path": str(home / "faces")}))
    finished = done(
        "compare", run, home / "euclid", "--out", tmp_path / "out", "--device", "cpu", "--workers", 1
    )
    assert "| split test | run | euclid |" in finished.stdout
    assert f"page in {tmp_path / 'out'}/report.html" in finished.stdout
    assert PageText((tmp_path / "out/report.html").read_bytes()).pictures
    assert (
        json.loads((tmp_path / "out/compare.json").read_text())["runs"][0]["threshold"]["value"] is not None
    )


def test_notes_of_a_run_go_with_its_name(home: Path) -> None:
    trained = ColourEmbedder(set_fingerprint=open_set(home / "faces").fingerprint)
    found = facemodel.compare([ColourEmbedder(), trained], None, set=str(home / "faces"), split="train")
    assert found["split"] == "train"
    assert found["runs"][0]["notes"] == []
    assert "the model was trained on these very photos" in found["runs"][1]["notes"][0]
    noted = [line for line in compare_table(found) if "trained on these very photos" in line]
    assert [line.partition(": ")[0] for line in noted] == ["colours.onnx (2)"]


def test_json_prints_what_is_written(home: Path, tmp_path: Path) -> None:
    finished = done("compare", home / "cosine", home / "euclid", "--json", "--out", tmp_path / "out")
    assert json.loads(finished.stdout) == json.loads(
        (tmp_path / "out/compare.json").read_text(encoding="utf-8")
    )


def test_without_the_set_there_are_no_pictures_and_no_failure(home: Path, tmp_path: Path) -> None:
    facemodel.compare([home / "cosine", home / "euclid"], tmp_path / "out")
    page = PageText((tmp_path / "out/report.html").read_bytes())
    assert page.pictures == []
    assert "name it with --set SET" in page.text


def test_scores_of_an_earlier_facemodel_need_the_set(home: Path, tmp_path: Path) -> None:
    for name in ("cosine", "euclid"):
        (tmp_path / name).mkdir()
        table = pq.read_table(home / name / "scores.parquet").drop_columns(
            ["left_identity", "right_identity"]
        )
        fingerprint = scores_of(home / name)[0]["set"]
        write_table(
            tmp_path / name / "scores.parquet",
            table,
            kind="scores",
            schema=table.schema,
            fingerprint=fingerprint,
        )
        (tmp_path / name / "scores.json").write_bytes((home / name / "scores.json").read_bytes())
    old = [tmp_path / "cosine", tmp_path / "euclid"]
    with pytest.raises(ScoreError, match="name the set with --set, or evaluate again"):
        facemodel.compare(old, None)
    found = facemodel.compare(old, None, set=str(home / "faces"))
    assert found["differences"] == facemodel.compare([home / "cosine", home / "euclid"], None)["differences"]


def pairs_file(home: Path, file: Path, count: int) -> Path:
    """Write some of the test pairs as a user's own list."""
    pairs = list(PairManifest.open(home / "faces", split="test"))[::2][:count]
    rows = [f"{pair.left.path},{pair.right.path},{int(pair.same)}" for pair in pairs]
    file.write_text("\n".join(["left,right,same", *rows]) + "\n")
    return file


def test_pairs_of_a_file_are_those_that_both_have(home: Path, tmp_path: Path) -> None:
    file = pairs_file(home, tmp_path / "own.csv", 120)
    evaluate(ColourEmbedder(), home / "faces", tmp_path / "own", pairs=str(file))
    found = facemodel.compare([home / "cosine", tmp_path / "own"], None)
    whole = len(scores_of(home / "cosine")[1])
    assert found["pairs"]["genuine"] + found["pairs"]["impostors"] == 120
    assert [run["pairs_left_out"] for run in found["runs"]] == [whole - 120, 0]
    table = scores_of(home / "cosine")[1][::2][:120]
    assert found["runs"][0]["figures"]["auc"]["value"] == pytest.approx(
        roc_auc_score(table.same, table.cosine)
    )
    with pytest.raises(
        UsageError, match="own was scored on the pairs of a file: name that file with --pairs"
    ):
        facemodel.compare([tmp_path / "own", ColourEmbedder()], None, set=str(home / "faces"))
    mixed = facemodel.compare(
        [tmp_path / "own", ColourEmbedder()], None, set=str(home / "faces"), pairs=str(file)
    )
    assert {one["verdict"] for one in mixed["differences"][0]["figures"].values()} == {"the same"}


def test_a_protocol_s_folds_decide_as_they_do_in_evaluate(tmp_path: Path) -> None:
    people = {f"p{number:02d}": 4 for number in range(40)}
    make_set(tmp_path / "faces", people, split=SplitConfig(splits="test=1"))  # nothing can choose a threshold
    pairs = PairManifest.open(tmp_path / "faces", split="test")
    place = pairs.table.schema.get_field_index("fold")
    folds = pa.array(np.arange(len(pairs)) // 3 % 10, pa.int32())
    table = pairs.table.set_column(place, pairs.table.schema.field(place), folds)
    PairManifest(pairs.prepared, table).write(tmp_path / "view2.parquet")
    scores = [
        evaluate(
            ColourEmbedder(metric=metric), tmp_path / "faces", tmp_path / metric,
            pairs=str(tmp_path / "view2.parquet"),
        )
        for metric in ("cosine", "euclidean")
    ]  # fmt: skip
    found = facemodel.compare([tmp_path / "cosine", tmp_path / "euclidean"], None)
    for run, one in zip(found["runs"], scores, strict=True):
        figures = one["figures"][run["metric"]]
        assert figures["folds"]["official"]
        assert run["decided_by"] == "each fold's threshold, chosen by the others"
        assert run["figures"]["accuracy"]["value"] == figures["accuracy"]


def test_with_few_people_there_are_figures_and_one_line(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", {f"p{number}": 4 for number in range(8)}, split=SplitConfig(splits="test=1"))
    found = facemodel.compare(
        [ColourEmbedder(metric="cosine"), ColourEmbedder()], tmp_path / "out", set=str(tmp_path / "faces")
    )
    assert found["no_interval"] == "too few people for an interval (8; 10 are needed)"
    assert all(one["interval"] is None for one in found["differences"][0]["figures"].values())
    assert found["runs"][0]["decided_by"].startswith("nothing: it has no threshold, and nothing can choose a")
    assert found["runs"][0]["figures"]["accuracy"]["value"] is None
    page = PageText((tmp_path / "out/report.html").read_bytes())
    assert page.tables["figures"][2] == ["accuracy", "–", "–"]
    assert "cannot be set against each other pair by pair" in page.text


def test_names_of_people_and_folders_are_text(tmp_path: Path) -> None:
    names = ["<script>alert(1)<", "{{7*7}}\"'", "\u202eכן 🙂", "é" * 120]
    make_set(
        tmp_path / "faces",
        {f"{names[number % 4]}{number:02d}": 3 for number in range(30)},
        split=SplitConfig(splits="test=1"),
    )
    runs = [tmp_path / "<img src=x>", tmp_path / "b|c\n"]
    for run, metric in zip(runs, ("cosine", "euclidean"), strict=True):
        evaluate(ColourEmbedder(metric=metric), tmp_path / "faces", run)
    finished = done("compare", *runs, "--set", tmp_path / "faces", "--out", tmp_path / "out")
    assert finished.stdout.splitlines()[0] == r"| split test | <img src=x> | b\|c\n |"
    page = PageText((tmp_path / "out/report.html").read_bytes())
    page.check_closed()
    assert page.pictures
    assert all(any(about.startswith(name) for name in names) for about, _ in page.pictures)


@pytest.mark.parametrize(
    ("command", "status", "what"),
    [
        ("compare", 2, "RUN"),
        ("compare cosine", 2, "compare takes two runs or more"),
        ("compare cosine none", 2, "there is no none"),
        ("compare cosine faces", 2, "faces is a set, not a run: name it with --set faces"),
        ("compare cosine colour.onnx", 2, "colour.onnx is to be scored here, and nothing says on which set"),
        ("compare cosine colour.onnx --set faces", 1, "trained on arcface112 crops and faces has square"),
        ("compare cosine colour.onnx --set none", 1, "none"),
        ("compare cosine euclid --set others", 1, "cosine was scored on the set"),
        ("compare cosine other-scores", 1, "compare runs on the same pairs; evaluate both on one set"),
        ("compare cosine euclid --split val", 1, "cosine was scored on the split test, not on val"),
        ("compare cosine euclid --pairs own.csv", 2, "--pairs names the pairs to score models on"),
        ("compare cosine torn", 1, "has no scores.json, which evaluate writes last"),
        ("compare cosine euclid --out cosine", 2, "--out cosine is a run, whose page would be replaced"),
        ("compare cosine euclid --out notes.txt", 1, "notes.txt is a file"),
        ("compare cosine euclid --out s3://bucket/x", 2, "this machine only"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, status: int, what: str
) -> None:
    monkeypatch.chdir(home)
    if not Path("torn").exists():
        colour_net(home)
        evaluate(ColourEmbedder(), "others", home / "other-scores")
        Path("torn").mkdir()
        Path("torn/scores.parquet").write_bytes(Path("cosine/scores.parquet").read_bytes())
        Path("notes.txt").write_text("no folder")
        pairs_file(home, Path("own.csv"), 10)
    before = sorted(path.name for path in home.iterdir())
    finished = here(*command.split())
    assert finished.status == status, finished.stderr
    assert what in finished.error
    assert sorted(path.name for path in home.iterdir()) == before


def test_models_of_two_sets_need_to_be_told_which(home: Path, tmp_path: Path) -> None:
    runs = []
    for name in ("faces", "others"):
        runs.append(write_run(tmp_path / name))
        (runs[-1] / "state/settings.json").write_text(json.dumps({"set_path": str(home / name)}))
    with pytest.raises(
        UsageError, match=r"trained on several sets, faces/run on .* and others/run on .*--set SET"
    ):
        facemodel.compare(runs, None)
    (runs[0] / "state/settings.json").write_text(json.dumps({"set_path": str(tmp_path / "gone")}))
    with pytest.raises(FacedataError, match=r"the set that it was trained on is not at hand .*--set SET"):
        facemodel.compare(runs, None)


def test_two_runs_in_a_text_are_not_a_list(home: Path) -> None:
    with pytest.raises(UsageError, match="two runs or more"):
        facemodel.compare(str(home / "cosine"), None)
    with pytest.raises(UsageError, match="two runs or more"):
        facemodel.compare([], None)


def test_a_pair_head_is_compared_by_its_own_score(home: Path) -> None:
    found = facemodel.compare([home / "euclid", ColourEmbedder(pairs=True)], None, set=str(home / "faces"))
    assert found["runs"][1]["metric"] == "head"
    assert found["runs"][1]["threshold"]["value"] == 0.5
    apart = found["differences"][0]["figures"]["auc"]  # the head's score falls with the distance, in float32
    assert np.abs(apart["value"]) < 1e-3
