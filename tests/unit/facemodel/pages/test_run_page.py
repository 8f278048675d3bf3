"""A run's page says what its history says, has words for what it lacks, and lets no name become HTML."""

from __future__ import annotations

from html import unescape
from typing import Any

import numpy as np
import pytest

from facemodel.config import FitConfig
from facemodel.pages.run_page import RunStory, render_run
from facemodel.recipes import fit_config
from facemodel.spec import InputSpec
from facemodel.training.history import EpochRow
from facemodel.validated.summary import AcceptRate, ValidationSummary
from tests.support.page_text import PageText

HOSTILE = "<script>alert(1)</script> \"'`{{ 7 * 7 }} &amp; \u202eכן 🙂"
ROWS = [
    EpochRow(0, val_loss=1.0, val_auc=0.71234, probe_loss=1.1, probe_auc=0.7, threshold=0.5, spread=0.1,
             seconds=7.5),
    EpochRow(1, 10, 0.00025, "random", 0.75, 0.9, 0.9, 0.86543, probe_loss=0.8, probe_auc=0.9,
             threshold=0.625, spread=0.4, never_used=3, used_mean=1.25, used_std=0.5, images=1200,
             seconds=61.25),
    EpochRow(2, 20, 0.000125, "hard", 0.65, 0.8, 0.95, 0.8, probe_loss=0.7, probe_auc=0.95, threshold=0.65,
             spread=0.5, never_used=1, used_mean=2.5, used_std=0.75, images=1200, seconds=62.25),
]  # fmt: skip


def spec(**values: Any) -> InputSpec:
    return InputSpec(112, "square", 16, threshold=0.625, metric="cosine", **values)


def story(**values: Any) -> RunStory:
    given: dict[str, Any] = {
        "name": "run", "config": FitConfig(epochs=2), "set_name": "faces", "fingerprint": "ab" * 32,
        "rows": ROWS, "best": ROWS[1], "usage": np.array([0, 2, 2, 5, 3, 3, 3]), "people": 4,
        "validation": "12 photos of 3 people, 20 pairs (the split val)", "notes": ("a note",), "spec": spec(),
        "first_batch": np.full((40, 60, 3), 200, np.uint8),
    }  # fmt: skip
    return RunStory(**{**given, **values})


def read(**values: Any) -> PageText:
    return PageText(render_run(story(**values)))


def test_every_epoch_s_figures_are_those_of_the_history() -> None:
    head, *rows = read().tables["history"]
    assert "seconds" not in head
    assert "val_accuracy" not in head  # no epoch has it
    for row, cells in zip(ROWS, rows, strict=True):
        shown = dict(zip(head, cells, strict=True))
        for name, text in shown.items():
            value = getattr(row, name)
            if isinstance(value, float):
                assert float(text) == pytest.approx(value, rel=5e-4), name
            else:
                assert text.replace(",", "") == ("" if value is None else str(value)), name


def test_the_best_epoch_stands_between_the_first_and_the_last() -> None:
    table = read().tables["Figures of the best epoch"]
    assert table[0] == ["figure", "before training", "best epoch (1)", "last epoch (2)"]
    assert ["AUC of the validation pairs", "0.7123", "0.8654", "0.8"] in table
    assert ["training loss", "–", "0.75", "0.65"] in table
    result = " ".join(read().sections["result"].split())
    assert "2 of 2 epochs" in result
    assert "0.8654 auc in that epoch, 0.7123 before training" in result
    assert "7 photos of 4 people train" in result


def test_a_loss_that_chooses_is_shown_as_it_is() -> None:
    result = " ".join(read(config=FitConfig(epochs=2, best_by="loss")).sections["result"].split())
    assert "0.9000 loss in that epoch, 1.0000 before training" in result


def test_the_threshold_says_where_it_comes_from_and_what_others_let_in() -> None:
    rates = (AcceptRate(0.01, 0.7, 0.9, True), AcceptRate(0.0001, 0.85, 0.5, False))
    page = read(
        spec=spec(validation=ValidationSummary(12, 60, 900, True, 0.98, rates), class_threshold=0.875)
    )
    result = " ".join(page.sections["result"].split())
    assert "0.6250 threshold: one person at a similarity of at least this" in result
    assert (
        "0.6250 (cosine) decides most of the validation pairs correctly with the weights of epoch 1."
        in result
    )
    assert "12 photos of 3 people, 20 pairs (the split val)" in result
    assert "a probability of at least 0.875" in result
    assert page.tables["What other thresholds let in"][1:] == [
        ["0.01", "0.7000", "90.00%", "counted"],
        ["0.0001", "0.8500", "50.00%", "extrapolated"],
    ]


@pytest.mark.parametrize("value", [None, spec().__class__(112, "square", 16)])
def test_no_threshold_is_said(value: InputSpec | None) -> None:
    assert "There is no threshold" in read(spec=value).sections["result"]


def test_what_guards_found_is_said_with_its_epoch() -> None:
    rows = [
        EpochRow(number, val_auc=0.5, spread=spread) for number, spread in enumerate((0.5, 0.4, 1e-5, 1e-5))
    ]
    text = read(rows=rows, best=rows[1], config=FitConfig(epochs=3)).text
    assert text.count("collapse: ") == 1
    assert "After epoch 2: collapse: embeddings of different people lie together" in text


def test_usage_counts_the_crops_that_were_used_so_often() -> None:
    page = read()
    assert page.tables["How often crops were used: the numbers"] == [
        ["times used in training", "crops"], ["0", "1"], ["1", "0"], ["2", "2"], ["3", "3"],
        ["4", "0"], ["5", "1"],
    ]  # fmt: skip
    assert "7 crops: 1 never used, 2.6 times on average ± 1.4." in page.text


def test_the_first_batch_is_a_picture_with_words_or_is_said_to_be_gone() -> None:
    ((words, url),) = read().pictures
    assert words.startswith("The first batch of the run as the network sees it: each line is an anchor")
    assert url.startswith("data:image/jpeg;base64,")
    gone = read(first_batch=None)
    assert gone.pictures == []
    assert "first_batch.png, is gone" in gone.text


def test_options_are_compared_with_the_recipe_or_the_defaults() -> None:
    config = fit_config({"recipe": "laptop", "margin": 0.625, "epochs": 2})
    page = read(config=config)
    rows = {name: (mine, usual) for name, mine, usual in page.tables["options"][1:]}
    assert rows["margin"][0] == "0.625 (differs)"
    assert rows["recipe"] == ("laptop", "laptop")
    assert sorted(rows) == sorted(config.settings())
    assert "resume" not in rows
    plain = {name: mine for name, mine, _ in read().tables["options"][1:]}
    assert [name for name, mine in plain.items() if "differs" in mine] == ["epochs"]


def test_the_command_for_what_comes_next_fits_the_state_of_the_run() -> None:
    done, half = (read(config=FitConfig(epochs=epochs)).sections["made"] for epochs in (2, 5))
    assert "facemodel evaluate run faces --out scores" in done
    assert "facemodel fit faces --config run/config.toml --out run --resume --epochs 12" in done
    assert "--resume --epochs" not in half
    assert "facemodel fit faces --config run/config.toml --out run --resume" in half
    assert "'my run'/config.toml" in read(name="my run").sections["made"]


def test_a_run_without_any_epoch_has_a_page() -> None:
    page = read(rows=[], best=None, spec=None)
    assert "0 of 2" in page.text
    assert "No epoch is finished yet." in page.text


def test_names_are_text_and_nothing_is_loaded() -> None:
    page = read(name=HOSTILE, set_name=HOSTILE, notes=(HOSTILE,), validation=HOSTILE)
    page.check_closed()
    assert page.text.count("<script>alert(1)</script>") >= 5
    assert b"<script" not in render_run(story(name=HOSTILE))
    assert "script-src 'none'" in unescape(render_run(story()).decode())


def test_the_same_run_has_the_same_bytes_whatever_time_it_took() -> None:
    slow = [EpochRow(**{**vars(row), "seconds": row.seconds * 3}) for row in ROWS]
    assert render_run(story()) == render_run(story(rows=slow, best=slow[1]))
    other = [*ROWS[:2], EpochRow(**{**vars(ROWS[2]), "loss": 0.6})]
    assert render_run(story()) != render_run(story(rows=other))
