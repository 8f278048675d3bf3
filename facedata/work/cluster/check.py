"""Check that a cluster's workers can do the work: their facedata, their libraries, their access to photos."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ...errors import EngineError
from ..task import ShardTask
from .base import Cluster, WorkerInfo, inspect_worker, one_line

logger = logging.getLogger(__name__)

_NO_MODULE = re.compile(r"No module named \\?'([\w.]+)")


def check_workers(cluster: Cluster, versions: Mapping[str, str], task: ShardTask) -> set[str]:
    """Check every worker; warn about other library versions, which may change the set's last bits.

    Args:
        cluster: the cluster whose workers to check.
        versions: this process's versions of facedata and the libraries.
        task: a shard whose photos they must be able to read.

    Returns:
        The names of the workers that answered.

    Raises:
        EngineError: a worker has no facedata, another version, or no access to the photos; it is named.
    """
    packages, reader = list(versions), task.stage.reader
    # the first photo of the shard that can be read here
    looks = ((photo.photo, inspect_worker(packages, reader, photo.photo)) for photo in task.photos)
    photo, here = next((pair for pair in looks if pair[1].digest is not None), (None, WorkerInfo(versions)))
    answers = cluster.ask(inspect_worker, packages, reader, photo)
    # ignore workers that left meanwhile
    answers = {name: answer for name, answer in answers.items() if not isinstance(answer, OSError)}
    if not answers:
        raise EngineError(f"{cluster.title} has no workers: start some, then run the same command again")
    hosts = cluster.hosts()
    others: dict[str, list[str]] = defaultdict(list)
    for name, answer in answers.items():
        worker = f"{name} (host {hosts.get(name, 'unknown')})"
        _refuse(worker, answer, versions["facedata"], photo, here.digest)
        differences = [
            f"{name} {answer.versions.get(name, 'missing')} there, {version} here"
            for name, version in versions.items()
            if answer.versions.get(name) != version
        ]
        if differences:
            others[", ".join(differences)].append(worker)
    for text, workers in others.items():
        logger.warning(
            "other library versions on %d workers, such as %s (%s): the set's bytes may differ from what "
            "one machine makes", len(workers), workers[0], text,
        )  # fmt: skip
    return set(answers)


def _refuse(worker: str, answer: Any, version: str, photo: str | None, digest: str | None) -> None:
    """Refuse a worker whose answer has another version, or another digest of this photo."""
    install = f"pip install facedata=={version}"
    if not isinstance(answer, WorkerInfo):
        if missing := _NO_MODULE.search(str(answer)):  # both engines wrap the exception
            raise EngineError(f"worker {worker} has no module {missing[1]}: {install} there")
        raise EngineError(f"worker {worker} cannot be used ({one_line(answer)}): {install} there")
    theirs = answer.versions.get("facedata", "of no known version")
    if theirs != version:
        raise EngineError(f"worker {worker} has facedata {theirs}, here it is {version}: {install} there")
    if photo is not None and answer.digest != digest:
        trouble = f"cannot read the photo {photo!r} ({answer.trouble})"
        raise EngineError(
            f"worker {worker} {trouble if answer.trouble else f'reads another photo as {photo!r}'}: name a "
            "source that every worker finds at the same absolute path, or a URL"
        )
