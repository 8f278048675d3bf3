"""Pretrained weights of backbones: the library's own, downloaded once, or the user's file; never code.

Files are read as plain tensors only (``weights_only``, safetensors): a pickle from somebody else could run
anything. If the library's weights are not available, a backbone starts from scratch, and the log says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from facedata.errors import DownloadError, StoreError
from facedata.files.atomic import file_sha256
from facedata.files.download import default_cache, fetch

from ..errors import ArchitectureError, WeightsError
from .backbones import Backbone

_ATTEMPTS, _TIMEOUT_S = 2, 10.0
_NAMED = 3
"""How many of the names that differ a message lists."""


@dataclass(frozen=True)
class Pretrained:
    """Where a backbone's first weights came from.

    Attributes:
        kind: ``library``, ``file``, ``start`` (a finished model, :mod:`.started`) or ``none``.
        line: the same in a sentence.
        sha256: of the file; of a finished model its fingerprint; None if there was none.
        licence: of a finished model, where it is known; else None.
    """

    kind: str
    line: str
    sha256: str | None = None
    licence: str | None = None


SCRATCH = Pretrained("none", "starts from scratch")


def load_pretrained(
    backbone: Backbone, weights: str, sha256: str | None = None, cache: Path | None = None
) -> Pretrained:
    """Fill a backbone with pretrained weights, if they are available.

    Args:
        backbone: what to fill.
        weights: ``auto`` for the library's own, ``none``, or a file: the library's, or a run's safetensors.
        sha256: what the file's SHA-256 must be (its first digits are enough); None for any.
        cache: where downloads are kept; None for ``weights/`` in the cache folder.

    Raises:
        WeightsError: the file does not exist, has another SHA-256, or holds more than plain tensors; or
            weights with the given SHA-256 are not available.
        ArchitectureError: the weights are another network's; the message names the first that differ.
    """
    if weights == "none":
        return Pretrained("none", f"{backbone.name} starts from scratch (--weights none)")
    if weights != "auto":
        path = Path(weights)
        digest = _fill_from(backbone, path, sha256)
        return Pretrained("file", f"{backbone.name} starts from {path} (SHA-256 {digest[:12]}…)", digest)
    remote, why = backbone.kind.weights, "its library has no pretrained weights for it"
    if remote is not None:
        try:
            path = fetch(
                remote, cache or default_cache() / "weights", timeout_s=_TIMEOUT_S, attempts=_ATTEMPTS
            )
        except (DownloadError, StoreError) as error:
            why = f"no pretrained weights could be had ({error})"
        else:
            digest = _fill_from(backbone, path, sha256)
            source = f"{remote.name} (SHA-256 {digest[:12]}…)"
            line = f"{backbone.name} starts from its library's weights, {source}"
            return Pretrained("library", line, digest)
    if sha256 is not None:
        raise WeightsError(f"{backbone.name} cannot start from the weights with the SHA-256 {sha256}: {why}")
    return Pretrained("none", f"{backbone.name} starts from scratch: {why}")


def _fill_from(backbone: Backbone, path: Path, sha256: str | None) -> str:
    """Fill a backbone from a file; return the file's SHA-256."""
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    if sha256 is not None and not digest.startswith(sha256.lower()):
        raise WeightsError(f"the weights {path} have the SHA-256 {digest}, not {sha256}")
    fill_backbone(backbone, read_tensors(path), str(path))
    return digest


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors by name: safetensors, or torch's own format without anything that runs code.

    A ``state_dict`` inside is unpacked, and DataParallel's prefix ``module.`` is removed.

    Raises:
        WeightsError: it is damaged, or holds more than plain tensors.
    """
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"cannot read the weights {path}: {error}") from error
        own = "model.backbone."  # a run's file holds more; only the backbone is used
        return {
            name.removeprefix(own): one for name, one in tensors.items() if name.startswith(own)
        } or tensors
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one warns that this is TorchScript; the error below is enough
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's reader raises all kinds of errors on a file that is not its own: KeyError, EOFError …
        raise WeightsError(
            f"{path} is damaged or holds more than plain tensors, and is not read: such a file could run "
            "code here. Save the network's state_dict, best as safetensors"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(one, Tensor) for one in content.values()):
        raise WeightsError(f"{path} holds something other than a network's tensors by name (its state_dict)")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def fill_backbone(backbone: Backbone, tensors: Mapping[str, Tensor], where: str) -> None:
    """Copy weights into a backbone; those of the library's classifier are dropped, all others must fit.

    Args:
        backbone: what to fill.
        tensors: by the library's names.
        where: where they came from, for messages.

    Raises:
        ArchitectureError: names or shapes differ.
    """
    tensors = {k: v for k, v in tensors.items() if not k.startswith(backbone.kind.classifier)}
    wanted = backbone.module.state_dict()
    check_fit(wanted, tensors, f"{where} is of another network than {backbone.name}")
    backbone.module.load_state_dict({**wanted, **tensors})


def check_fit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], what: str) -> None:
    """Refuse tensors that do not fit; BatchNorm's counters of batches may be missing, as in old files.

    Raises:
        ArchitectureError: names or shapes differ; the message begins with ``what`` and names the first.
    """
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    surplus = [k for k in given if k not in wanted]
    shapes = [
        f"{k} is {tuple(given[k].shape)} and not {tuple(wanted[k].shape)}"
        for k in wanted
        if k in given and given[k].shape != wanted[k].shape
    ]
    listed = [_list_names("it lacks", missing), _list_names("it has", surplus), _list_names("", shapes)]
    if differences := [text for text in listed if text]:
        raise ArchitectureError(f"{what}: {'; '.join(differences)}")


def _list_names(verb: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{verb} {', '.join(names[:_NAMED])}{more}".strip() if names else ""
