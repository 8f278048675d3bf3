"""A model's card: what hubs read of it, what it says of an export, and whose words it keeps."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from facedata import PreparedSet
from facedata.errors import FacedataError
from facemodel.cards.model_card import CARD, keep_card, model_card, write_run_card
from facemodel.cards.model_facts import ModelFacts
from tests.support.carded_sets import body_of, shown_text
from tests.support.saved_runs import write_run

EXPORT: dict[str, Any] = {"file": "m.onnx", "layout": "NCHW", "batch": "any", "left_out": ["the pair head"]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def facts_of(run: Path) -> ModelFacts:
    return ModelFacts.of(run, PreparedSet(run.parent / "set"))


def test_the_head_is_what_hubs_read(run: Path) -> None:
    card = model_card(facts_of(run))
    values = yaml.safe_load(card.split("---\n")[1])
    assert ModelCard(card).data.to_dict() == values  # type: ignore[no-untyped-call]
    assert (values["license"], values["pipeline_tag"]) == ("unknown", "image-feature-extraction")
    assert yaml.safe_load(model_card(facts_of(run), None, EXPORT).split("---\n")[1])["library_name"] == "onnx"


def test_it_says_what_the_model_takes_and_that_it_was_not_tested(run: Path) -> None:
    text = shown_text(body_of(model_card(facts_of(run))))
    assert text.startswith("run A network that turns the crop of a face into numbers")
    assert "32 × 32 px, RGB, from square crops" in text
    assert "their Euclidean distance is at most 1.5000" in text
    assert "It was not tested, as far as this card knows" in text
    assert "Licence of the photos: Not stated." in text
    assert "people.parquet has the names" in text
    assert text.count("Not stated. Write here") == 5


def test_an_export_says_what_is_in_the_file(run: Path) -> None:
    text = shown_text(body_of(model_card(facts_of(run), None, EXPORT)))
    assert text.startswith("m A network")
    assert "file m.onnx, NCHW, batch: any" in text
    assert "left out of the file the pair head" in text
    assert "people.parquet" not in text


def test_a_classifier_names_people_and_the_card_does_not(tmp_path: Path) -> None:
    run = write_run(tmp_path, "closed")
    (run / "config.toml").write_text('closed = true\nbatches = "photos"\nloss = "focal"\n')
    card = model_card(facts_of(run))
    assert "It also names the people it was trained on." in card
    assert "their names are in the files of weights" in card
    assert not [name for name in ("Ana", "p00", "p01") if name in card]


def test_the_licence_of_the_set_is_told_as_text(run: Path) -> None:
    facts = facts_of(run)
    info = {**(facts.set_info or {}), "licence": "Mine\n---\n# <b>only</b> | *x*"}
    card = model_card(ModelFacts(facts.name, facts.spec, None, facts.header, set_info=info))
    assert "Licence of the photos: Mine --- # <b>only</b> | *x* Consent" in shown_text(body_of(card))


def test_the_same_files_give_the_same_card(run: Path) -> None:
    prepared = PreparedSet(run.parent / "set")
    write_run_card(run, prepared)
    first = (run / CARD).read_bytes()
    write_run_card(run, prepared)
    assert (run / CARD).read_bytes() == first
    assert str(run.parent).encode() not in first


def test_an_edited_card_stays_and_the_new_one_is_beside_it(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_run_card(run, None)
    mine = (
        (run / CARD)
        .read_text(encoding="utf-8")
        .replace("_Not stated. Write here who made it", "_Anna made it")
    )
    (run / CARD).write_text(mine, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        write_run_card(run, None)
    assert (run / CARD).read_text(encoding="utf-8") == mine
    assert "README.md was edited and is kept as it is: the new card is" in caplog.text
    beside = run / "README.new.md"
    assert "Not stated. Write here who made it" in beside.read_text(encoding="utf-8")
    beside.write_text("mine, too", encoding="utf-8")
    with pytest.raises(FacedataError, match="were both edited, and are kept: move one of them away"):
        keep_card(run / CARD, model_card(facts_of(run)))
    with caplog.at_level(logging.WARNING):
        write_run_card(run, None)  # a run does not end for it
    assert "could not be written, and the run continues without it" in caplog.text
