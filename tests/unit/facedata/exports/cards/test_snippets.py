"""The lines that load an export name a split as the format does; those of every format are run elsewhere."""

from __future__ import annotations

from dataclasses import replace

from facedata.exports.cards.snippets import loading_lines
from facedata.interchange.export_note import ExportNote

NOTE = ExportNote("hf", "f" * 64, "0.1", "square", 48, {"train": {"crops": 1, "people": 1}})


def test_the_first_split_stands_in_them() -> None:
    assert 'split="train"' in str(loading_lines(NOTE))
    renamed = replace(NOTE, splits={"my split": {}}, split_names={"my_split": "my split"})
    assert 'split="my_split"' in str(loading_lines(renamed))


def test_a_split_that_is_no_word_does_not_get_into_the_code() -> None:
    assert 'split="SPLIT"' in str(loading_lines(replace(NOTE, splits={'"); import os\n```': {}})))
    assert 'split="SPLIT"' in str(loading_lines(replace(NOTE, splits={"": {}})))


def test_a_format_of_somebody_else_s_has_none() -> None:
    assert loading_lines(replace(NOTE, format="mine")) is None
