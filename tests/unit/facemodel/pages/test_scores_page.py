"""The page of scores says what scores.json says, and shows the worst pairs; names are text."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from facedata.config import SplitConfig
from facedata.sets.prepared import PreparedSet
from facemodel.commands import evaluate as evaluating
from facemodel.commands.evaluate import evaluate
from facemodel.pages.scores_page import render_scores
from facemodel.pages.worst_shown import ScoresStory
from facemodel.scoring.report import percent, score_notes, score_table
from tests.support.colour_embedder import ColourEmbedder
from tests.support.page_text import PageText
from tests.support.small_set import SIZE_PX, make_set

THREE = SplitConfig(splits="test=0.5,train=0.3,val=0.2")
HOSTILE = (
    "<script>alert(1)<",
    "<img src=x onerror=alert(1)>",
    "\"'`{{ 7 * 7 }} &amp;",
    "\u202eכן 🙂",
    "\x07",
    "ä" * 100,
)


class Scored:
    """What an evaluation hands to its page, and the page, read."""

    def __init__(self, faces: PreparedSet, model: Any, **options: Any) -> None:
        self.story: Any = None

        def render(scores: Any, scored: Any, plan: Any, workers: int | None) -> bytes:
            self.story, self.page = (
                ScoresStory(scores, scored, plan),
                render_scores(scores, scored, plan, workers),
            )
            return self.page

        with patch.object(evaluating, "render_scores", render), patch.object(evaluating, "write_scores"):
            self.scores = evaluate(model, faces.path, Path("unwritten"), workers=1, **options)
        self.text = PageText(self.page)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    people = {f"p{number:02d}": 1 + number % 5 for number in range(40)}
    return make_set(tmp_path_factory.mktemp("set") / "faces", people, split=THREE)


@pytest.fixture(scope="module")
def scored(faces: PreparedSet) -> Scored:
    return Scored(faces, ColourEmbedder())


def test_the_table_and_the_notes_are_those_of_scores_md(scored: Scored) -> None:
    head, *rows = scored.text.tables["scores"]
    lines = [line.strip("|").split("|") for line in score_table(scored.scores) if line.startswith("|")]
    table = [[cell.strip() for cell in line] for line in lines]
    assert [head, *rows] == [table[0], *table[2:]]
    for note in score_notes(scored.scores):
        assert note in scored.text.text


def test_the_first_figures_are_those_of_scores_json(scored: Scored) -> None:
    figures, text = scored.scores["figures"]["euclidean"], scored.text.text
    low, high = figures["intervals"]["accuracy"]
    assert (
        f"{percent(figures['accuracy'])} accuracy, {percent(low)} to {percent(high)} (95% over people)"
        in text
    )
    assert f"{figures['auc']:.4f} AUC, " in text
    assert f"{percent(figures['eer'])} EER" in text
    assert (
        f"{figures['threshold']['value']:.4f} threshold: one person at a Euclidean distance of at most this"
        in text
    )
    assert figures["threshold"]["sentence"] in text


def test_the_falsest_pairs_are_decided_wrongly_and_the_worst_come_first(scored: Scored) -> None:
    main, threshold = scored.story.main, scored.story.threshold
    plan = scored.story.plan
    paths = plan.classes.table.column("path").to_pylist()
    counts = scored.scores["figures"]["euclidean"]["confusion"]
    for section, same, worst_first in (("accepts", False, 1), ("rejects", True, -1)):
        rows = np.flatnonzero((main.same == same) & ((main.values <= threshold) != same))
        wanted = rows[np.argsort(worst_first * main.values[rows], kind="stable")][:24]
        assert len(wanted), "the test needs wrong pairs"
        text = " ".join(scored.text.sections[section].split())
        total = counts["false_rejects" if same else "false_accepts"]
        kind = f"{int((main.same == same).sum()):,} pairs of {'one person' if same else 'two people'}"
        assert f"{total:,} of the {kind}" in text
        at = 0
        for number in wanted.tolist():
            for side in (plan.tested.left, plan.tested.right):
                at = text.index(paths[side[number]], at) + 1  # in this order
            assert f"{main.values[number]:.4f} Euclidean distance" in text
    pairs = [about for about, _ in scored.text.pictures if ": Euclidean distance " in about]
    assert len(pairs) == 2 * (min(counts["false_accepts"], 24) + min(counts["false_rejects"], 24))


def test_each_picture_is_the_crop_that_its_words_name(scored: Scored) -> None:
    numbers = {path: at for at, path in enumerate(scored.story.plan.classes.table.column("path").to_pylist())}
    crops = scored.story.plan.classes
    for about, url in scored.text.pictures[::7]:
        path = about.partition(", ")[2].partition(":")[0]
        data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        shown = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert shown is not None
        assert shown.shape == (SIZE_PX, SIZE_PX, 3)  # no larger than the crop
        wanted = crops[numbers[path]].image()
        assert np.abs(shown[..., ::-1].mean((0, 1)) - wanted.mean((0, 1))).max() < 6, path


def test_the_hardest_people_are_named_with_their_counts(scored: Scored) -> None:
    people = " ".join(scored.text.sections["people"].split())
    main, threshold = scored.story.main, scored.story.threshold
    names = scored.story.plan.people.names
    accepted = main.values <= threshold
    shares = []
    for name in re.findall(r"(p\d\d) \d+\.\d\d% of", people):
        mine = (main.left == names.index(name)) | (main.right == names.index(name))
        wrong = mine & (accepted != main.same)
        shares.append(wrong.sum() / mine.sum())
        assert f"{name} {shares[-1]:.2%} of {mine.sum()} pairs wrong" in people
        assert mine.sum() >= 3
    of_all = [(main.left == one) | (main.right == one) for one in range(len(names))]
    hard = [mine for mine in of_all if mine.sum() >= 3 and (mine & (accepted != main.same)).any()]
    assert len(shares) == min(len(hard), 20)
    assert len(shares) > 10
    assert shares == sorted(shares, reverse=True)


def test_without_a_threshold_the_worst_are_the_ones_that_stand_out(tmp_path: Path) -> None:
    faces = make_set(tmp_path / "faces", {f"p{n}": 3 for n in range(12)}, split=SplitConfig(splits="test=1"))
    scored = Scored(faces, ColourEmbedder())
    text = scored.text
    assert scored.story.threshold is None
    assert "– threshold: none: the model has none" in text.text
    assert "There is no threshold: these of the" in " ".join(text.sections["accepts"].split())
    assert "are least alike" in text.sections["rejects"]
    assert "the people whose photos are least alike come first" in text.sections["people"]
    assert "wrong" not in text.sections["people"].partition("by chance")[2]
    assert 'class="mark"' not in scored.page.decode()


def test_where_none_is_wrong_the_nearest_are_shown(tmp_path: Path) -> None:
    # every person has one colour
    def picture(path: str, _: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.full((SIZE_PX, SIZE_PX, 3), 10 + 20 * int(path[1:3]), np.uint8)

    faces = make_set(tmp_path / "faces", {f"p{n:02d}": 3 for n in range(12)}, split=THREE, picture=picture)
    text = Scored(faces, ColourEmbedder()).text
    assert re.search(r"None of the \d+ pairs of two people is accepted. These are most alike.", text.text)
    assert "pairs of one person is rejected. These are least alike." in text.text
    assert "Nobody: no pair of a person with at least 3 pairs is decided wrongly." in text.text
    assert len([one for one in text.pictures if ": Euclidean distance" in one[0]]) == 2 * (6 + 6)


def test_a_pair_head_and_a_classifier_have_their_words(faces: PreparedSet) -> None:
    scored = Scored(faces, ColourEmbedder(classes=("p00", "p01", "p05"), pairs=True))
    assert scored.scores["metric"] == "head"
    text = scored.text.text
    assert "0.5000 threshold: one person at a score of the pair head of at least this" in text
    assert "classifier: names" in text
    assert scored.text.tables["scores"][0][1:] == ["Euclidean", "cosine", "pair head"]
    assert all(": score of the pair head " in about for about, _ in scored.text.pictures if ": " in about)


def test_names_are_text_in_words_and_pictures(tmp_path: Path) -> None:
    people = {f"{name}{number}": 3 for name in HOSTILE for number in range(2)}
    scored = Scored(
        make_set(tmp_path / "a <b> & 'c'", people, split=SplitConfig(splits="test=1")), ColourEmbedder()
    )
    plain_tags = {*scored.text.tags}
    assert "script" not in plain_tags
    assert "onerror" not in " ".join(scored.text.addresses)
    for name in people:
        assert any(about.startswith(f"{name}, {name}/") for about, _ in scored.text.pictures), name
        assert name in "".join(scored.text.texts)
    scored.text.check_closed()
    assert "Scores of colours.onnx on a <b> & 'c'" in scored.text.text


def test_the_command_makes_it_again(faces: PreparedSet) -> None:
    assert (
        "facemodel evaluate colours.onnx faces --out scores\n"
        in Scored(faces, ColourEmbedder()).text.sections["made"] + "\n"
    )
    made = Scored(faces, ColourEmbedder(), metric="cosine", flip=True, split="val", seed=3).text.sections[
        "made"
    ]
    assert (
        "facemodel evaluate colours.onnx faces --out scores --split val --metric cosine --flip --seed 3"
        in made
    )


def test_the_same_model_and_set_have_the_same_bytes(faces: PreparedSet, scored: Scored) -> None:
    assert Scored(faces, ColourEmbedder(), batch=3).page == scored.page
    assert Scored(faces, ColourEmbedder(), metric="cosine").page != scored.page
    scored.text.check_closed()
