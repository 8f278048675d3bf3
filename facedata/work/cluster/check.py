"""Whether a cluster's workers can do the work: their facedata, their libraries, their sight of the photos."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ...errors import EngineError
from ..task import ShardTask
from .base import Cluster, Look, look

logger = logging.getLogger(__name__)

_NO_MODULE = re.compile(r"No module named \\?'([\w.]+)")


def refuse_unfit(cluster: Cluster, versions: Mapping[str, str], task: ShardTask) -> set[str]:
    """Ask every worker what it has; warn of other library versions, which may change the set's last bits.

    Args:
        cluster: whose workers.
        versions: of facedata and the libraries, here.
        task: a shard whose photos they must be able to read.

    Returns:
        The names of the workers that answered.

    Raises:
        EngineError: a worker has no facedata or another version, or does not find the photos; it is named.
    """
    ours = _look_here(versions, task)
    photo = ours[0]
    answers = cluster.ask(look, list(versions), task.stage.reader, photo)
    # a worker that went away while it was asked says nothing about the others
    answers = {name: answer for name, answer in answers.items() if not isinstance(answer, OSError)}
    if not answers:
        raise EngineError(f"{cluster.title} has no workers: start some, then run the same command again")
    hosts = cluster.hosts()
    others: dict[str, list[str]] = defaultdict(list)
    for name, answer in answers.items():
        worker = f"{name} (host {hosts.get(name, 'unknown')})"
        _refuse(worker, answer, versions, ours)
        if differences := _differences(answer.versions, versions):
            others[differences].append(worker)
    for differences, workers in others.items():
        logger.warning(
            "other library versions on %d workers, such as %s (%s): the set's bytes may differ from what "
            "one machine makes", len(workers), workers[0], differences,
        )  # fmt: skip
    return set(answers)


def _look_here(versions: Mapping[str, str], task: ShardTask) -> tuple[str | None, Look]:
    """Return the first photo of the shard that can be read here, and what is read."""
    for photo in task.photos:
        found = look(list(versions), task.stage.reader, photo.photo)
        if found.digest is not None:
            return photo.photo, found
    return None, Look(versions)


def _refuse(worker: str, answer: Any, versions: Mapping[str, str], ours: tuple[str | None, Look]) -> None:
    install = f"pip install facedata=={versions['facedata']}"
    if not isinstance(answer, Look):
        if missing := _NO_MODULE.search(str(answer)):  # both engines wrap what was raised
            raise EngineError(f"worker {worker} has no module {missing[1]}: {install} there")
        said = " ".join(f"{type(answer).__name__}: {answer}".split())[:200]
        raise EngineError(f"worker {worker} cannot be used ({said}): {install} there")
    theirs = answer.versions.get("facedata", "of no known version")
    if theirs != versions["facedata"]:
        raise EngineError(
            f"worker {worker} has facedata {theirs}, here it is {versions['facedata']}: {install} there"
        )
    photo, here = ours
    if photo is not None and answer.digest != here.digest:
        trouble = f"cannot read the photo {photo!r} ({answer.trouble})"
        raise EngineError(
            f"worker {worker} {trouble if answer.trouble else f'reads another photo as {photo!r}'}: name a "
            "source that every worker finds at the same absolute path, or a URL"
        )


def _differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    names = [name for name in ours if theirs.get(name) != ours[name]]
    return ", ".join(f"{name} {theirs.get(name, 'missing')} there, {ours[name]} here" for name in names)
