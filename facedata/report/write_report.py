"""A set's report, from its tables to the page, every step in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..files.atomic import atomic_file
from ..options import MAX_INT
from ..pages.page import render_page
from ..pages.page_folder import INDEX, new_page_folder
from ..sets.prepared import PreparedSet
from ..sources.base import PhotoReader
from ..store.base import CROPS
from .check_files import read_check_files
from .choice import MOST_CROPS, choose_crops
from .crop_columns import read_crop_columns
from .distributions import draw_distributions
from .drawn_rows import read_drawn_rows
from .examples.photo_copies import read_earlier_copies
from .examples.show_statuses import PhotoSource, show_statuses
from .facts import describe_set
from .ledger_counts import count_statuses
from .page_data import describe_page
from .report_folder import PICTURES, REPORT, SHEETS
from .thumbnails import MOST_IN_PAGE, OnProgress, make_thumbnails, read_shown_crops

OnStep = Callable[[str], None]
"""Called with what is done now, such as ``making the thumbnails``."""

_TEMPLATE = Path(__file__).with_name("report.html")


def write_report(
    prepared: PreparedSet,
    folder: Path,
    reader: PhotoReader | None,
    *,
    photos_note: str = "",
    most_crops: int = MOST_CROPS,
    threads: int = 1,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
) -> Path:
    """Write a set's report; one that is there is replaced when the new one is complete.

    Args:
        prepared: the set, which does not change meanwhile.
        folder: where the report goes.
        reader: reads the photos' bytes; None where they are not at hand.
        photos_note: what the page says of them; empty for nothing.
        most_crops: how many crops the page may have.
        threads: how many pictures are made at a time.
        on_progress: called with the number of thumbnails made, and the total.
        on_step: called with what is done now.

    Returns:
        The page.

    Raises:
        SetError: a table is missing, damaged or belongs to another set; or another run is writing the report.
        StoreError: the report cannot be written, or a remote store does not answer.
    """
    on_step("reading the tables")
    crops = read_crop_columns(prepared)
    check = read_check_files(prepared, crops)
    choice = choose_crops(crops, check.of_person, check.named_rows(crops), most_crops)
    drawn = {kind: read_drawn_rows(prepared, kind, crops, choice.place) for kind in ("pairs", "triplets")}
    statuses, (places, names) = count_statuses(prepared), read_shown_crops(prepared, choice)
    settings = prepared.info["settings"]
    copies = read_earlier_copies(folder / INDEX, folder / PICTURES)
    photos = PhotoSource(
        reader, copies, int(settings.get("max_pixels", MAX_INT)), settings["turn"] != "never"
    )
    with new_page_folder(folder) as made:
        on_step("copying photos")
        pictures, sheets = (made / PICTURES, made / SHEETS) if len(places) > MOST_IN_PAGE else (None, None)
        view = {
            **describe_set(prepared, crops, choice, statuses, [check.note, photos_note]),
            "status": show_statuses(prepared, statuses, photos, pictures, threads),
            "charts": draw_distributions(crops, check, {kind: one.uses for kind, one in drawn.items()}),
            "check": check.describe(),
        }
        on_step("making the thumbnails")
        thumbnails = make_thumbnails(prepared.path, places, sheets, threads, on_progress)
        on_step("writing the page")
        has_files = settings.get("store") == "folders" and folder.absolute() == prepared.path / REPORT.name
        crop_files = f"../{CROPS}/" if has_files else None
        data = describe_page(crops, choice, names, thumbnails, check, drawn, crop_files)
        scripts = sorted(file.name for file in _TEMPLATE.parent.glob("report*.js"))
        page = render_page(
            _TEMPLATE,
            view["set_name"],
            kind=REPORT.generator,
            data=data,
            styles=["report.css"],
            scripts=scripts,
            view=view,
        )
        with atomic_file(made / INDEX) as stream:
            stream.write(page)
    return folder / INDEX
