"""``facedata export``: a set in somebody else's format."""

from __future__ import annotations

import os
from typing import Any

from ..config import ExportConfig
from ..exports.base import OnProgress
from ..exports.write_export import Exported, choose_export_folder, write_export
from ..files.remote import Remote
from ..options import resolve_options
from ..sets.prepared import PreparedSet, open_set
from ..sets.working_folder import reading
from ..work.run import OnStep
from .long_run import long_run


@long_run("crops")
def export_set(
    set: str | os.PathLike[str] | Remote | PreparedSet,  # noqa: A002  it is what the commands call it
    out: str | os.PathLike[str],
    config: ExportConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> Exported:
    """Write a set in a format that other programs read; crops keep their bytes.

    The folder gets its name when everything is in it. Beside the data it has facedata-export.json, which
    says from which set it is and what it leaves out, and cards for whoever gets it.

    Args:
        set: the set's folder, its URL, or an open set.
        out: the export's folder, new or empty; with ``overwrite`` it may hold an earlier export.
        config: the options; ``changes`` override it.
        on_progress: called with the number of crops that are written, and the total.
        on_step: called with what is done now.
        **changes: single options by name, as in ``export_set("faces", "hub", to="hf")``.

    Returns:
        Where the export is, and what it says of itself.

    Raises:
        UsageError: impossible options, a folder that cannot be used, or something that the format cannot
            hold: such as a name.
        SetError: no set at ``set``, or it is damaged, or another run is changing it.
        StoreError: the export cannot be written, or a crop is missing or damaged.
    """
    config = resolve_options(ExportConfig, config, changes)
    prepared = open_set(set)
    folder = choose_export_folder(prepared, os.fspath(out), overwrite=config.overwrite)
    with reading(prepared):
        return write_export(prepared, folder, config, on_progress, on_step)
