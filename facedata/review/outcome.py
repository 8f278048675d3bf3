"""What a review came to, and the lines that are printed of it."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..photos.paths import photo_text


@dataclass(frozen=True)
class Review:
    """A review that was written, and perhaps served.

    Attributes:
        page: index.html.
        findings: how many findings it shows, to be decided.
        notes: how many notes it leaves out.
        beyond: how many further findings there are; they come once these are decided, and checked again.
        others: findings that no correction settles, by kind.
        corrections: the check's corrections.csv.
        saved: how many lines the server saved there at last; None if it saved none.
    """

    page: Path
    findings: int
    notes: int
    beyond: int
    others: Counter[str]
    corrections: Path
    saved: int | None = None


def review_lines(review: Review, set_name: str | os.PathLike[str]) -> list[str]:
    """Return the lines to print.

    Args:
        review: what was written.
        set_name: the set, as the user named it.
    """
    lines = [f"to decide  {review.findings:>9,}  finding{'s'[: review.findings != 1]}"]
    if review.beyond:
        lines.append(f"           {review.beyond:>9,}  more, for when these are fixed and checked again")
    if review.notes:
        lines.append(f"left out   {review.notes:>9,}  note{'s'[: review.notes != 1]}: --notes shows them too")
    lines += [
        f"left out   {count:>9,}  {kind}: no correction mends that, see `facedata check`"
        for kind, count in review.others.items()
    ]
    if review.saved is not None:
        file = photo_text(str(review.corrections))
        lines.append(f"saved      {review.saved:>9,}  line{'s'[: review.saved != 1]}: {file}")
        words = ["facedata", "fix", os.fspath(set_name), file, "--out", "DIR"]
        lines.append(f"           {photo_text(shlex.join(words))}")
    return [*lines, f"page       {photo_text(str(review.page))}"]
