"""Any of timm's image networks as a backbone."""

from __future__ import annotations

import difflib
from functools import partial
from typing import Any

import torch
from torch import nn

from facedata.errors import UsageError
from facedata.files.download import PinnedFile

from ..machine.extras import require_extra
from .kind import BackboneKind, Block, Channels, pinned_weights


def timm_kind(name: str, size_px: int) -> BackboneKind:
    """Look up one of timm's networks; it is made once, without memory for its weights.

    Raises:
        UsageError: timm has no such network, or it cannot take images of this size.
        MissingExtraError: timm is not installed.
    """
    require_extra("timm", what="a timm backbone")
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise UsageError(f"timm has no network {name!r}" + (f"; it has {', '.join(near)}" if near else ""))
    config: Any = timm.get_pretrained_cfg(name)
    options = {"img_size": size_px} if config.fixed_input_size else {}
    try:
        with torch.device("meta"):
            features = _make(name, options, 0.0).eval()(torch.empty(1, 3, size_px, size_px))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        raise UsageError(f"timm:{name} cannot take images of {size_px} px: {error}") from error
    if features.ndim != 2:
        raise UsageError(f"timm:{name} gives {tuple(features.shape)}, not one row of features per image")
    heads = (config.classifier,) if isinstance(config.classifier, str) else tuple(config.classifier or ())
    return BackboneKind(
        int(features.shape[1]),
        partial(_make, name, options),
        timm_blocks,
        1,
        timm_weights(config),
        _channels(config.mean),
        _channels(config.std),
        tuple(f"{head}." for head in heads),
    )


def timm_blocks(net: nn.Module) -> list[Block]:
    """Return a network's blocks in order; lists of stages or blocks are taken apart.

    Weights in no block, such as a class token, go with the first.
    """
    blocks: list[Block] = []
    for name, child in net.named_children():
        is_list = isinstance(child, nn.Sequential | nn.ModuleList) and len(child) > 1
        parts = [(f"{name}.{i}", one) for i, one in child.named_children()] if is_list else [(name, child)]
        blocks += [(label, block) for label, block in parts if next(block.parameters(), None) is not None]
    own = dict(net.named_parameters(recurse=False))
    if own and blocks:
        blocks[0] = (blocks[0][0], nn.ModuleList([blocks[0][1], nn.ParameterList(own.values())]))
    return blocks


def timm_weights(config: Any) -> PinnedFile | None:
    """Return where the weights of a pretrained configuration are, if anywhere; timm publishes no hashes."""
    tag = f"{config.architecture}.{config.tag}" if config.tag else str(config.architecture)
    if config.hf_hub_id:
        url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
        return pinned_weights(f"timm-{tag}.safetensors", url)
    return pinned_weights(f"timm-{tag}.pth", config.url) if config.url else None


def _make(name: str, options: dict[str, Any], dropout: float) -> nn.Module:
    import timm

    net: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **options)
    return net


def _channels(values: Any) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
