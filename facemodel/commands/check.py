"""``facemodel check``: all that ``facedata check`` finds, and who is who in the set."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest
from facedata.checks.check_folder import SetLike, open_check_folder, set_location
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding, Findings, Kind
from facedata.checks.overlap.other_set import open_other
from facedata.checks.overlap.shared import Overlap
from facedata.checks.overlap.shared_findings import report_overlap
from facedata.checks.run_checks import Checked, OnStep, run_checks
from facedata.files.memory import use_system_memory
from facedata.files.remote import Location
from facedata.options import resolve_options

from ..bar import with_bar
from ..batches.fitting_crops import FittingCrops
from ..batches.reader import OnProgress
from ..checks.kept.keep import keep_embeddings
from ..checks.kept.make import Embedding
from ..checks.official_pairs import read_official_pairs
from ..checks.overlap.other_embeddings import check_other_crops, compare_faces
from ..checks.who.find import find_people_findings
from ..checks.who.strength import learnt_lines
from ..config import CheckConfig
from ..machine.devices import choose_device
from ..models.embedder import Embedder, open_model
from ..models.known_people import read_people
from ..outputs import check_set_first

logger = logging.getLogger(__name__)

PEOPLE = "who_is_who"
"""The key of summary.json that holds what the model said, and by which thresholds."""


@use_system_memory()
@with_bar("crop", has_steps=True)
def check(
    set: SetLike,  # noqa: A002  the word of the command
    model: str | os.PathLike[str] | Embedder | None = None,
    against: SetLike | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    config: CheckConfig | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
    **changes: Any,
) -> Findings:
    """Doubt a prepared set: its files, its crops, and who is in them. The set is not changed.

    The crops' embeddings are kept beside the findings, so that a run that was stopped goes on, and a later
    one embeds only what is new; see docs/check.md.

    Args:
        set: the set's folder, its URL, or an open set.
        model: a ready model's name, a run's folder, a ``.onnx`` with its spec beside it, or an open model;
            None for what :func:`facedata.check` finds without one.
        against: another set; people and photos that both have are found.
        out: another folder for the findings and embeddings; needed where the set cannot be written.
        config: the options; ``changes`` override it.
        on_progress: called with the number of crops read or embedded, and the total.
        on_step: called with what is done now, such as ``embedding the crops``.
        **changes: single options by name, as in ``check("faces", "run", batch=128)``.

    Returns:
        The findings, without those that are settled.

    Raises:
        ModelError: there is no model.
        SpecError: the set's crops were made with another template than the model's.
        ScoreError: the model gives no usable numbers for any crop.
        UsageError: impossible options, a folder that cannot be used, a model given as the set, or a
            corrections.csv that cannot be read.
        NotASetError: there is nothing of a set.
        LockedError: another run is working on the set, or another check on its findings.
        DeviceError: there is no such GPU, or its memory is too small.
        StoreError: the findings cannot be written, or a remote store does not answer.
    """
    config = resolve_options(CheckConfig, config, changes)
    location = set_location(set)
    other = None if against is None else set_location(against)
    if isinstance(model, (str, os.PathLike)):
        check_set_first(location, model)
    embedder = None if model is None else _open_fitting(model, location, config)
    trained = read_people(model).trained
    if embedder is not None and other is not None:
        check_other_crops(embedder, open_other(other), config.cut)
    with open_check_folder(location, out) as folder:
        checked = run_checks(location, config, against=other, on_progress=on_progress, on_step=on_step)
        findings: list[Finding] = []
        summary: dict[str, Any] = {}
        overlap = checked.overlap
        if embedder is not None:
            findings, found, overlap = _find_people(checked, embedder, folder, config, on_progress, on_step)
            summary = {PEOPLE: {"model": embedder.fingerprint(), **found}}
            if checked.prepared is not None and "strength" in found:
                is_same = embedder.spec.set_fingerprint == checked.prepared.fingerprint
                names = checked.classes.column("identity").to_pylist()
                found["strength"]["lines"] += learnt_lines(trained, names, is_same_set=is_same)
        on_step("writing the findings")
        shared, about_shared, files = report_overlap(overlap)
        return close_check(folder, checked, [*findings, *shared], {**summary, **about_shared}, files)


def _open_fitting(
    model: str | os.PathLike[str] | Embedder, location: Location, config: CheckConfig
) -> Embedder:
    """Open the model; before all crops are read, cut those that do not fit it, or refuse the model."""
    embedder = open_model(model, config.device, config.workers, config.weights)
    # what is damaged becomes a finding
    FittingCrops.find_if_whole(embedder.spec, location, config.cut, config.workers)
    return embedder


def _find_people(
    checked: Checked,
    embedder: Embedder,
    folder: Path,
    config: CheckConfig,
    on_progress: OnProgress | None,
    on_step: OnStep,
) -> tuple[list[Finding], dict[str, Any], Overlap | None]:
    """Return the findings about people, for summary.json what they rest on, and what another set shares."""
    spoilt = [one.left for one in checked.findings if one.kind in (Kind.CROP_CHANGED, Kind.CROP_MISSING)]
    ids = checked.classes.column("id").to_numpy()
    readable = np.flatnonzero(checked.readable & ~np.isin(ids, [one for one in spoilt if one is not None]))
    if checked.prepared is None or not len(readable):
        why = "no crop can be read" if checked.prepared else "the set's dataset.json cannot be read"
        logger.warning("who is who is not looked at: %s", why)
        return [], {"crops": 0, "not_looked_at": why}, checked.overlap
    on_step("embedding the crops")
    classes = ClassManifest(checked.prepared, checked.classes)
    how = Embedding(embedder, config.batch, config.flip, config.workers, config.cut)
    kept = keep_embeddings(how, classes, readable, folder, on_progress)
    if there := len(readable) - kept.embedded:  # not in summary.json: the same set gives the same bytes
        logger.info("%d of %d crops were embedded by an earlier check", there, len(readable))
    on_step("comparing people")
    crops = checked.classes.take(kept.rows)
    pairs = read_official_pairs(checked.prepared, checked.classes, kept.rows)
    device = str(choose_device(config.device))  # an ONNX network's own is the CPU
    findings, summary = find_people_findings(kept.directions, crops, config, pairs=pairs, device=device)
    overlap = checked.overlap
    if overlap is not None:
        overlap = compare_faces(
            overlap, kept, how, folder, device=device, threshold=config.shared, on_progress=on_progress,
            on_step=on_step,
        )  # fmt: skip
    about: dict[str, Any] = {"crops": len(kept.rows), "unusable": len(kept.unusable)}
    about |= {"embeddings": kept.file.name, "official_pairs": len(pairs)}
    return findings, {**about, **summary}, overlap
