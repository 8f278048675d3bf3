"""What a run's files tell, by value; what is gone is not known, and nothing is made up for it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facedata import PreparedSet
from facemodel.cards.model_facts import ModelFacts
from facemodel.config import FitConfig
from facemodel.models.header import read_header
from facemodel.spec import InputSpec
from facemodel.training.history import EpochRow, read_csv, write_csv
from facemodel.validated.summary import AcceptRate, ValidationSummary, share_interval
from tests.support.people_set import people_set
from tests.support.saved_runs import write_run

SUMMARY = ValidationSummary(
    40, 90, 3900, True, 0.97, (AcceptRate(0.01, 0.4, 0.9, True), AcceptRate(0.001, 0.5, 0.8, False))
)
SPEC = InputSpec(
    64, "square", 8, threshold=0.5, metric="cosine", set_fingerprint="f" * 64, validation=SUMMARY
)
ROWS = (
    EpochRow(0, val_auc=0.5), EpochRow(1, val_auc=0.9, val_accuracy=0.8, threshold=0.5),
    EpochRow(2, val_auc=0.8, threshold=0.6),
)  # fmt: skip
HEADER: dict[str, Any] = {
    "extra": {"epoch": 1},
    "pretrained": ["none", "", None],
    "config": {"backbone": "resnet18"},
}
FACTS = ModelFacts("run", SPEC, FitConfig(epochs=2), HEADER, ROWS, {"train": (30, 60)})


def with_summary(**changes: Any) -> ModelFacts:
    return replace(FACTS, spec=replace(SPEC, validation=replace(SUMMARY, **changes)))


def test_figures_are_those_of_the_epoch_of_the_weights_with_intervals() -> None:
    low, high = share_interval(0.9, 40)
    assert FACTS.list_figures() == [
        ("AUC of the pairs", "0.9000", f"{low:.4f} to {high:.4f}"),
        ("accuracy", "80.00%", " to ".join(f"{end:.2%}" for end in share_interval(0.8, 40))),
        ("photos of known people accepted where 0.01 of strangers are", "90.00%", f"{low:.2%} to {high:.2%}"),
        (
            "photos of known people accepted where 0.001 of strangers are, extrapolated", "80.00%",
            " to ".join(f"{end:.2%}" for end in share_interval(0.8, 40)),
        ),
    ]  # fmt: skip


def test_few_people_have_no_interval_and_it_is_said() -> None:
    few = with_summary(people=9)
    assert {interval for _, _, interval in few.list_figures()} == {"–"}
    assert "Only 9 people validated it: too few" in " ".join(few.list_limits())
    assert "too few" not in " ".join(with_summary(people=10, rates=()).list_limits())


def test_rates_that_so_few_comparisons_cannot_show_are_left_out() -> None:
    rates = tuple(AcceptRate(10.0**-n, 0.5, 0.8, n < 2) for n in range(1, 9))
    few = with_summary(impostors=1000, rates=rates)
    shown = [title.split()[6] for title, _, _ in few.list_figures()[2:]]
    assert shown == ["0.1", "0.01", "0.001"]
    assert (
        "no rate below 1 in 1,000: lower ones need more photos, of more people." in few.describe_validation()
    )
    many = with_summary(impostors=10**8, rates=rates)
    assert len(many.list_figures()) == 2 + 8
    assert "need more photos" not in many.describe_validation()
    none = with_summary(impostors=9, rates=rates)
    assert len(none.list_figures()) == 2
    assert "extrapolated" not in " ".join(none.list_limits())


@pytest.mark.parametrize(
    ("auc", "people", "tested", "said"),
    [
        (0.6, 40, None, "the people who validated it is 0.4460 to 0.7365"),
        (0.3, 40, None, "the people who validated it is 0.1807 to 0.4543"),
        (0.7, 40, None, ""),
        (0.5, 9, None, "the people who validated it is 0.5000"),
        (0.51, 9, None, ""),
        (0.7, 40, (0.4999, 0.7), "people it was tested on is 0.4999 to 0.7000"),
        (0.6, 40, (0.51, 0.7), ""),
    ],
)
def test_a_model_no_better_than_chance_says_so_first(
    auc: float, people: int, tested: tuple[float, float] | None, said: str
) -> None:
    facts = with_summary(people=people)
    facts = replace(facts, rows=(EpochRow(0, val_auc=0.2), EpochRow(1, val_auc=auc), EpochRow(2)))
    limits = facts.list_limits(tested)
    whole = (
        "As far as was measured, it tells people apart no better than chance: its AUC on "
        f"{said}, and chance is 0.5."
    )
    assert (limits[0] == whole) == bool(said)
    assert "chance" not in " ".join(limits[bool(said) :])


@pytest.mark.parametrize(
    ("best_by", "before", "after", "said"),
    [
        ("auc", {"val_auc": 0.9}, {"val_auc": 0.9}, "by auc (0.9, then 0.9)."),
        ("auc", {"val_auc": 0.8}, {"val_auc": 0.9}, ""),
        ("loss", {"val_loss": 1.0}, {"val_loss": 1.25}, "by loss (1, then 1.25)."),
        ("loss", {"val_loss": 1.0}, {"val_loss": 0.5}, ""),
        ("accuracy", {"val_accuracy": 0.75}, {"val_accuracy": 0.5}, "by accuracy (0.75, then 0.5)."),
        ("accuracy", {}, {"val_accuracy": 0.5}, ""),
    ],
)
def test_a_training_that_did_not_help_is_said_first(
    best_by: str, before: dict[str, float], after: dict[str, float], said: str
) -> None:
    rows = EpochRow(0, **before), EpochRow(1, **after), EpochRow(2)  # type: ignore[arg-type]
    facts = replace(FACTS, rows=rows, config=FitConfig(epochs=2, best_by=best_by))
    limits = facts.list_limits()
    whole = "Training did not make it better than the network was before, "
    assert (limits[0] == whole + said) == bool(said)
    assert "did not make" not in " ".join(limits[bool(said) :])


def test_the_threshold_says_how_it_was_chosen() -> None:
    said = FACTS.describe_threshold() or ""
    assert said.startswith(
        "Two crops show one person when their cosine similarity is at least 0.5000: the one"
    )
    kept = replace(FACTS, spec=replace(SPEC, threshold=0.7, metric="euclidean")).describe_threshold() or ""
    assert "Euclidean distance is at most 0.7000: chosen by facemodel evaluate --keep-threshold" in kept
    assert replace(FACTS, spec=replace(SPEC, threshold=None)).describe_threshold() is None


def test_a_run_that_was_stopped_says_so() -> None:
    assert FACTS.is_finished
    stopped = replace(FACTS, config=FitConfig(epochs=5))
    assert "2 of 5 epochs were done" in " ".join(stopped.list_limits())
    assert "not finished" not in " ".join(FACTS.list_limits())


def test_guards_and_a_closed_set_are_limits() -> None:
    rows = [EpochRow(n, val_loss=1.0 + n, probe_loss=1.0 - n / 10, loss=1.0, spread=1.0) for n in range(8)]
    overfitted = replace(FACTS, rows=tuple(rows), config=FitConfig(epochs=7))
    assert "A guard saw: overfitting" in " ".join(overfitted.list_limits())
    closed = replace(FACTS, config=FitConfig(epochs=2, closed=True, batches="photos", loss="cross-entropy"))
    assert "validated on people that it was trained on" in " ".join(closed.list_limits())


def test_options_are_those_that_differ_and_no_path() -> None:
    config = FitConfig(recipe="anchors", weights="/home/anna/net.pt", lr=0.125, epochs=2)
    options = dict(replace(FACTS, config=config).list_options())
    assert options["weights"] == "a file"
    assert options["lr"] == "0.125"
    assert options["backbone"] == config.backbone
    assert "scale" not in options
    assert "recipe" not in options


@pytest.mark.parametrize(
    ("pretrained", "backbone", "said", "licence"),
    [
        (["none", "", None], "resnet18", "resnet18 started from random weights.", None),
        (
            ["file", "x starts from /home/anna/x.pt", "ab"],
            "resnet18",
            "a file of weights (SHA-256 ab).",
            None,
        ),
        (["library", "x", "cd"], "resnet18", "its library's pretrained weights (SHA-256 cd).", None),
        (
            ["library", "x", "cd"],
            "timm:resnet18",
            "its library's pretrained weights (SHA-256 cd).",
            "apache-2.0",
        ),
    ],
)
def test_where_the_first_weights_are_from(
    pretrained: list[Any], backbone: str, said: str, licence: str | None
) -> None:
    facts = replace(FACTS, header={"pretrained": pretrained, "config": {"backbone": backbone}})
    sentence, known = facts.describe_start()
    assert sentence.endswith(said)
    assert "anna" not in sentence
    assert known == licence


def test_files_that_are_gone_leave_facts_open(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    facts = ModelFacts.of(run, None)
    assert (facts.config, facts.rows, facts.people, facts.set_info) == (None, (), {}, None)
    assert facts.header == read_header(run / "best.safetensors")
    assert facts.list_options() == []
    assert facts.list_figures() == []
    assert not facts.is_finished
    assert "That set was not at hand" in " ".join(facts.list_data())


def test_only_the_set_it_was_trained_on_is_told_of(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    mine = PreparedSet(tmp_path / "set")
    assert ModelFacts.of(run, mine).set_info == mine.info
    assert "In the set are 12 of 13 photos, of 4 people." in ModelFacts.of(run, mine).list_data()
    assert ModelFacts.of(run, people_set(tmp_path / "other", 5, 3)).set_info is None
    shutil.copy(run / "best.safetensors", run / "last.safetensors")
    assert ModelFacts.of(run / "last.safetensors", mine).name == "run"


def test_a_history_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = [*ROWS, EpochRow(3, 12, 1e-3, "hard", 0.5, never_used=2, images=7, seconds=1.5)]
    write_csv(tmp_path / "history.csv", rows)
    assert read_csv(tmp_path / "history.csv") == rows
    assert read_csv(tmp_path / "gone.csv") == []
    (tmp_path / "history.csv").write_text("epoch,loss\nx,y\n")
    assert read_csv(tmp_path / "history.csv") == []
