"""``facedata check``: what is damaged in a set, what is in it twice, and which photos are poor."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from ..checks.check_folder import SetLike, open_check_folder, set_location
from ..checks.close_check import close_check
from ..checks.crop_pass import OnProgress
from ..checks.findings import Findings
from ..checks.overlap.shared_findings import report_overlap
from ..checks.run_checks import OnStep, run_checks
from ..config import CheckConfig
from ..options import look_up, resolve_options
from .long_run import long_run

_WITH_A_MODEL = {"check": "facemodel.commands.check:check"}
"""What finds who is who; imported only where a model is named."""


@long_run("crops")
def check(
    set: SetLike,  # noqa: A002  it is what the commands call it
    model: Any = None,
    against: SetLike | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    config: CheckConfig | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> Findings:
    """Doubt a prepared set: its files, its crops, and with a model who is in them. The set is not changed.

    The findings go to ``check`` in the set's folder; see docs/check.md for their kinds, and for how to
    correct the set. A damaged set, or a part of one, is checked as far as it can be read.

    Args:
        set: the set's folder, its URL, or an open set.
        model: a run's folder, an ONNX file or an open model: then this is :func:`facemodel.check`.
        against: another set; people and photos that both have are found.
        out: another folder for the findings; needed where the set cannot be written.
        config: the options; ``changes`` override it.
        on_progress: called with the number of crops read, and the total.
        on_step: called with what is done now, such as ``reading the crops``.
        **changes: single options by name, as in ``check("faces", workers=4)``.

    Returns:
        The findings, without those that are settled.

    Raises:
        UsageError: impossible options, a folder that cannot be used, or a corrections.csv that cannot be
            read.
        NotASetError: there is nothing of a set.
        LockedError: another run is working on the set, or another check on its findings.
        StoreError: the findings cannot be written, or a remote store does not answer.
        EngineError: the system killed a worker.
    """
    if model is not None:
        given = {} if config is None else dataclasses.asdict(config)
        find = look_up(_WITH_A_MODEL, "check")
        found: Findings = find(
            set, model, against, out=out, on_progress=on_progress, on_step=on_step, **{**given, **changes}
        )
        return found
    config = resolve_options(CheckConfig, config, changes)
    location = set_location(set)
    other = None if against is None else set_location(against)
    with open_check_folder(location, out) as folder:
        checked = run_checks(location, config, against=other, on_progress=on_progress, on_step=on_step)
        on_step("writing the findings")
        return close_check(folder, checked, *report_overlap(checked.overlap))
