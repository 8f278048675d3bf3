"""Pretrained weights of backbones: the library's own, downloaded once, or the user's file; never code.

Files are read as plain tensors only (``weights_only``, safetensors): a pickle of somebody else's could run
anything. Where the library's weights cannot be had a backbone starts from scratch, and a line says so.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor

from facedata.errors import DownloadError, StoreError
from facedata.files.atomic import file_sha256
from facedata.files.download import RemoteFile, default_cache, fetch

from ..errors import ArchitectureError, WeightsError
from .backbones import TIMM, Backbone

logger = logging.getLogger(__name__)

_OTHERWISE = "name the file with --weights PATH"
_ATTEMPTS, _TIMEOUT_S = 2, 10.0
_NAMED = 3
"""How many of the names that differ a message gives."""


@dataclass(frozen=True)
class Pretrained:
    """Where a backbone's first weights came from.

    Attributes:
        kind: ``library``, ``file`` or ``none``.
        line: says it, for people.
        sha256: of the file; None where there was none.
    """

    kind: str
    line: str
    sha256: str | None = None


SCRATCH = Pretrained("none", "starts from scratch")

FACENET_VGGFACE2 = RemoteFile(
    "20180402-114759-vggface2.pt",
    "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
    _OTHERWISE,
)
"""InceptionResnetV1 after VGGFace2, 112 MB; the library itself checks no hash."""

_TORCHVISION_NAMES = {"mobilenet_v3": "mobilenet_v3_large"}


def load_pretrained(
    backbone: Backbone, weights: str, sha256: str | None = None, cache: Path | None = None
) -> Pretrained:
    """Fill a backbone with pretrained weights, where they can be had.

    Args:
        backbone: what to fill.
        weights: ``auto`` for the library's own, ``none``, or a file: the library's, or a run's safetensors.
        sha256: what the file's SHA-256 must be (its first digits are enough); None for any.
        cache: where downloads are kept; None for ``weights/`` in the cache folder.

    Raises:
        WeightsError: the file is not there, has another SHA-256, or holds more than plain tensors.
        ArchitectureError: the weights are another network's; the message names the first that differ.
    """
    if weights == "none":
        return Pretrained("none", f"{backbone.name} starts from scratch (--weights none)")
    if weights == "auto":
        return _library(backbone, cache or default_cache() / "weights", sha256)
    path = Path(weights)
    found = _checked(path, sha256)
    fill(backbone, read_tensors(path), str(path))
    line = f"{backbone.name} starts from {path} (SHA-256 {found[:12]}…)"
    return Pretrained("file", line, found)


def _library(backbone: Backbone, cache: Path, sha256: str | None) -> Pretrained:
    remote = remote_weights(backbone.name)
    if remote is None:
        return _scratch(backbone, "its library has no pretrained weights for it", sha256)
    try:
        path = fetch(remote, cache, timeout_s=_TIMEOUT_S, attempts=_ATTEMPTS)
    except (DownloadError, StoreError) as error:
        return _scratch(backbone, f"no pretrained weights could be had ({error})", sha256)
    found = _checked(path, sha256)
    fill(backbone, read_tensors(path), str(path))
    line = f"{backbone.name} starts from its library's weights, {remote.name} (SHA-256 {found[:12]}…)"
    return Pretrained("library", line, found)


def _scratch(backbone: Backbone, why: str, sha256: str | None) -> Pretrained:
    """Say that a backbone starts from scratch.

    Raises:
        WeightsError: not those weights, of which the SHA-256 is given.
    """
    if sha256 is not None:
        raise WeightsError(f"{backbone.name} cannot start from the weights with the SHA-256 {sha256}: {why}")
    return Pretrained("none", f"{backbone.name} starts from scratch: {why}")


def remote_weights(name: str) -> RemoteFile | None:
    """Return where a backbone's library keeps weights for it; None where it has none.

    torchvision's files bear the first eight digits of their SHA-256 in their names. timm publishes no
    hashes: what comes is taken, and its SHA-256 is written down.
    """
    if name == "inception_resnet_v1":
        return FACENET_VGGFACE2
    if name.startswith(TIMM):
        return _timm_weights(name.removeprefix(TIMM))
    weights = torchvision.models.get_model_weights(_TORCHVISION_NAMES.get(name, name))
    url = weights.IMAGENET1K_V1.url
    digits = re.search(r"-([0-9a-f]{8})\.pth$", url)
    return RemoteFile(url.rpartition("/")[2], url, digits[1] if digits else "", _OTHERWISE)


def _timm_weights(name: str) -> RemoteFile | None:
    import timm  # the backbone was made by it, so it is there

    config: Any = timm.get_pretrained_cfg(name)
    tag = f"{config.architecture}.{config.tag}" if config.tag else str(config.architecture)
    if config.hf_hub_id:
        url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
        return RemoteFile(f"timm-{tag}.safetensors", url, "", _OTHERWISE)
    return RemoteFile(f"timm-{tag}.pth", config.url, "", _OTHERWISE) if config.url else None


def _checked(path: Path, sha256: str | None) -> str:
    """Return a file's SHA-256."""
    try:
        found = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    if sha256 is not None and not found.startswith(sha256.lower()):
        raise WeightsError(f"the weights {path} have the SHA-256 {found}, not {sha256}")
    return found


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors by name: safetensors, or torch's own format without anything that runs code.

    A ``state_dict`` within is unpacked, and the prefix ``module.`` of DataParallel removed.

    Raises:
        WeightsError: it is damaged, or holds more than plain tensors.
    """
    if path.suffix == ".safetensors":
        return _of_safetensors(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # says that TorchScript is none; so does the error below
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's reader raises whatever it meets in a file that is not its own: KeyError, EOFError …
        raise WeightsError(
            f"{path} is damaged or holds more than plain tensors, and is not read: such a file could run "
            "code here. Save the network's state_dict, best as safetensors"
        ) from error
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(one, Tensor) for one in found.values()):
        raise WeightsError(f"{path} holds something else than a network's tensors by name (its state_dict)")
    return {str(name).removeprefix("module."): tensor for name, tensor in found.items()}


def _of_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"cannot read the weights {path}: {error}") from error
    own = "model.backbone."  # a run's file: its backbone is wanted
    if any(name.startswith(own) for name in tensors):
        return {name.removeprefix(own): one for name, one in tensors.items() if name.startswith(own)}
    return tensors


def fill(backbone: Backbone, tensors: Mapping[str, Tensor], where: str) -> None:
    """Copy weights into a backbone; those of the library's classifier are left out, all others must fit.

    Args:
        backbone: what to fill.
        tensors: by the library's names.
        where: they came from, for messages.

    Raises:
        ArchitectureError: names or shapes differ.
    """
    tensors = {k: v for k, v in tensors.items() if not k.startswith(backbone.kind.classifier)}
    wanted = backbone.module.state_dict()
    check_fit(wanted, tensors, f"{where} is of another network than {backbone.name}")
    backbone.module.load_state_dict({**wanted, **tensors})


def check_fit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], what: str) -> None:
    """Refuse tensors that do not fit; BatchNorm's counters of batches may lack, as in old files.

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
    found = [_named("it lacks", missing), _named("it has", surplus), _named("", shapes)]
    if differences := [text for text in found if text]:
        raise ArchitectureError(f"{what}: {'; '.join(differences)}")


def _named(verb: str, names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return f"{verb} {', '.join(every[:_NAMED])}{more}".strip() if every else ""
