"""Any image network of timm's as a backbone."""

from __future__ import annotations

import difflib
from typing import Any

import torch
from torch import nn

from facedata.errors import UsageError

from .kind import Block, Channels, Kind, missing_extra


def timm_kind(name: str, size_px: int) -> Kind:
    """Look at a network of timm's; it is made once, without memory for its weights.

    Raises:
        UsageError: timm has no such network, or it cannot take images of this size.
        MissingExtraError: timm is not installed.
    """
    timm = _timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise UsageError(f"timm has no network {name!r}" + (f"; it has {', '.join(near)}" if near else ""))
    config = timm.get_pretrained_cfg(name)
    return Kind(
        _features(name, size_px),
        lambda dropout: _make(name, size_px),
        timm_parts,
        1,
        _channels(config.mean),
        _channels(config.std),
        _classifier(config.classifier),
    )


def timm_parts(net: nn.Module) -> list[Block]:
    """Return a network's parts in order; rows of stages or blocks are taken apart.

    Weights that lie in no part, such as a class token, go with the first.
    """
    parts: list[Block] = []
    for name, child in net.named_children():
        rows = isinstance(child, nn.Sequential | nn.ModuleList) and len(child) > 1
        found = [(f"{name}.{i}", one) for i, one in child.named_children()] if rows else [(name, child)]
        parts += [(label, part) for label, part in found if next(part.parameters(), None) is not None]
    own = dict(net.named_parameters(recurse=False))
    if own and parts:
        parts[0] = (parts[0][0], nn.ModuleList([parts[0][1], nn.ParameterList(own.values())]))
    return parts


def _make(name: str, size_px: int) -> nn.Module:
    timm = _timm()
    fixed = timm.get_pretrained_cfg(name).fixed_input_size
    net: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=0, **({"img_size": size_px} if fixed else {})
    )
    return net


def _features(name: str, size_px: int) -> int:
    """Find out what a network gives; nothing is computed."""
    try:
        with torch.device("meta"):
            found = _make(name, size_px).eval()(torch.empty(1, 3, size_px, size_px))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        raise UsageError(f"timm:{name} cannot take images of {size_px} px: {error}") from error
    if found.ndim != 2:
        raise UsageError(f"timm:{name} gives no features per image, but {tuple(found.shape)}")
    return int(found.shape[1])


def _channels(values: Any) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _classifier(names: Any) -> tuple[str, ...]:
    every = (names,) if isinstance(names, str) else tuple(names or ())
    return tuple(f"{name}." for name in every)


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise missing_extra("timm") from error
    return timm
