"""``facedata review``: the page on which findings are decided, and the server that saves what is decided."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..checks.check_folder import SetLike
from ..checks.corrections_csv import CORRECTIONS_CSV
from ..config import ReviewConfig
from ..files.atomic import atomic_file
from ..files.locks import locked
from ..options import resolve_options
from ..pages.page_folder import INDEX, choose_page_folder, new_page_folder
from ..photos.paths import photo_text
from ..review.check_findings import find_check_folder, read_findings
from ..review.items import choose_items
from ..review.outcome import Review
from ..review.own_lines import find_own_lines
from ..review.page_data import describe_own_lines, describe_review, find_shown
from ..review.review_page import REVIEW, make_thumbnails, render_review
from ..review.saved_lines import read_saved
from ..review.serve import ReviewServer, Served
from ..sets.prepared import open_set
from .long_run import long_run


@long_run("crops")
def review_set(
    set: SetLike,  # noqa: A002  the command's own word for it
    check: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    config: ReviewConfig | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    on_serve: Callable[[str], None] = lambda _: None,
    **changes: Any,
) -> Review:
    """Write the page on which the findings of the last check are decided; the set is not changed.

    The page ends in a corrections.csv, which :func:`facedata.fix_set` takes. With ``serve`` it is also given
    by a server on this machine, which writes that file after each decision, and stops when the page says that
    all is done, or at Ctrl-C.

    Args:
        set: the set's folder, its URL, or an open set.
        check: the folder of the check's files; by default ``check`` in the set's.
        out: the folder of the page; by default ``review`` in the set's. It may hold an earlier review, and is
            replaced as a whole.
        config: the options; ``changes`` override it.
        on_progress: called with the number of thumbnails made, and the total, by several threads in turn.
        on_step: called with what is done now.
        on_serve: called with the page's address, once the server listens.
        **changes: single options by name, as in ``review_set("faces", notes=True)``.

    Raises:
        UsageError: impossible options, a folder that cannot be used, or a corrections.csv that cannot be
            read.
        SetError: no set, or it was not checked.
        OtherSetError: the findings are of another state of the set.
        LockedError: another run is working on the set, the check, or the page.
        StoreError: the page cannot be written, or the port is in use.
    """
    config = resolve_options(ReviewConfig, config, changes)
    prepared = open_set(set)
    folder = choose_page_folder(REVIEW, prepared.path, str(prepared), out)
    checked = find_check_folder(prepared, check)
    corrections = checked / CORRECTIONS_CSV
    with contextlib.ExitStack() as stack:
        if isinstance(prepared.path, Path):
            stack.enter_context(locked(prepared.path, shared=True))
        on_step("reading the findings")
        found = read_findings(prepared, checked)
        classes = prepared.table("classes").combine_chunks()
        choice = choose_items(found.table, classes, config.notes)
        shown = find_shown(choice.items, classes, prepared)
        described = describe_review(found, choice, shown, classes, prepared)
        del classes
        page = stack.enter_context(new_page_folder(folder))
        on_step("making the thumbnails")
        sheets = make_thumbnails(shown.crops, prepared.path, page, on_progress)
        described |= {
            "sheets": sheets.describe(),
            "set": photo_text(str(prepared)),
            "file": photo_text(str(corrections)),
            "notes": choice.notes,
            "beyond": choice.beyond,
            "others": choice.others,
        }

        def render(is_served: bool) -> bytes:
            lines, known = read_saved(checked)
            own = describe_own_lines(find_own_lines(lines, prepared))
            data = {**described, "own": own, "known": known, "served": is_served}
            return render_review(data, photo_text(prepared.path.name), is_served)

        on_step("writing the page")
        with atomic_file(page / INDEX) as stream:
            stream.write(render(False))
    served = Served(lambda: render(True), folder, checked)
    saved = _serve(served, config.port, on_serve) if config.serve and choice.items else None
    return Review(
        folder / INDEX,
        len(choice.items),
        choice.notes,
        choice.beyond,
        choice.others,
        corrections,
        saved,
    )


def _serve(served: Served, port: int, on_serve: Callable[[str], None]) -> int | None:
    """Serve a review until it is done or stopped; return how many lines were saved at last."""
    with ReviewServer(served, port) as server, contextlib.suppress(KeyboardInterrupt):
        on_serve(server.url)
        server.serve_forever(poll_interval=0.1)
    return server.saved
