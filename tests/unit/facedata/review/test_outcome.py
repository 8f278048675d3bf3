"""The lines that `review` prints."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from facedata.review.outcome import Review, review_lines


def test_what_is_on_the_page_and_what_is_not() -> None:
    review = Review(
        Path("faces/review/index.html"),
        1234,
        3,
        7,
        Counter(crop_missing=2),
        Path("faces/check/corrections.csv"),
    )
    assert review_lines(review, "faces") == [
        "to decide      1,234  findings",
        "                   7  more, for when these are fixed and checked again",
        "left out           3  notes: --notes shows them too",
        "left out           2  crop_missing: no correction mends that, see `facedata check`",
        "page       faces/review/index.html",
    ]


def test_what_was_saved_and_what_to_do_with_it() -> None:
    review = Review(Path("p/index.html"), 1, 0, 0, Counter(), Path("my faces/check/corrections.csv"), 1)
    assert review_lines(review, "my faces") == [
        "to decide          1  finding",
        "saved              1  line: my faces/check/corrections.csv",
        "           facedata fix 'my faces' 'my faces/check/corrections.csv' --out DIR",
        "page       p/index.html",
    ]
