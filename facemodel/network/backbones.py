"""Backbones by name: networks of facenet-pytorch and torchvision, each cut off before its classifier.

A backbone keeps its library's names of weights, so the library's files fit, and lists its blocks in the order
in which an image passes them, so the first or last few can be frozen.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torchvision
from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn

from facedata.errors import UsageError
from facedata.files.download import PinnedFile

from .facenet_file import VGGFACE2
from .kind import BackboneKind, Block, pinned_weights

TIMM = "timm:"


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network without its classifier.

    Attributes:
        name: as ``--backbone`` names it.
        module: takes ``(N, 3, size, size)`` float32, gives ``(N, features)``.
        blocks: its blocks in order.
        kind: what else is known about it.
    """

    name: str
    module: nn.Module = field(repr=False)
    blocks: list[Block] = field(repr=False)
    kind: BackboneKind

    @property
    def features(self) -> int:
        """Length of its output per image."""
        return self.kind.features


class _FaceNet(InceptionResnetV1):  # type: ignore[misc]  # the library has no types
    """InceptionResnetV1 up to its 512-d bottleneck, whose output is not normalised."""

    def __init__(self, dropout: float) -> None:
        super().__init__(pretrained=None, classify=False, dropout_prob=dropout)

    def forward(self, images: Tensor) -> Tensor:
        x = self.maxpool_3a(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(images))))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.avgpool_1a(self.block8(self.repeat_3(x)))
        features: Tensor = self.last_bn(self.last_linear(self.dropout(x).flatten(1)))
        return features


class _Vgg(nn.Module):
    """VGG16's convolutions; its 7 × 7 features are flattened, as its first fully connected layer expects."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        vgg = torchvision.models.vgg
        self.features = vgg.make_layers(vgg.cfgs["D"], batch_norm=False)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        for layer in self.features:  # as torchvision does
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.avgpool(self.features(images)).flatten(1)
        return features


def _find_blocks(rows: Sequence[str], net: nn.Module) -> list[Block]:
    """Return a network's blocks.

    Args:
        rows: ``path`` of one module, ``name: path path`` for several, or ``path.*`` for all its children.
        net: the network.
    """
    blocks: list[Block] = []
    for row in rows:
        name, _, paths = row.rpartition(": ")
        if row.endswith(".*"):
            parent = row.removesuffix(".*")
            children = net.get_submodule(parent).named_children()
            blocks += [(f"{parent}.{child}", module) for child, module in children]
        else:
            modules = [net.get_submodule(path) for path in paths.split()]
            blocks.append((name, nn.ModuleList(modules)) if name else (paths, modules[0]))
    return blocks


def _make_torchvision(name: str, cut: str, options: dict[str, Any], dropout: float) -> nn.Module:
    net: nn.Module = getattr(torchvision.models, name)(**options)
    for path in cut.split():
        parent, _, layer = path.rpartition(".")
        setattr(net.get_submodule(parent), layer, nn.Identity())
    return net


def _torchvision(
    name: str, features: int, min_px: int, blocks: Sequence[str], cut: str, **options: Any
) -> BackboneKind:
    """Return a torchvision network, made with ``options``, without the layers at the paths ``cut``."""
    return BackboneKind(
        features,
        partial(_make_torchvision, name, cut, options),
        partial(_find_blocks, blocks),
        min_px,
        _torchvision_weights(name),
        classifier=tuple(f"{path}." for path in cut.split()),
    )


def _torchvision_weights(name: str) -> PinnedFile:
    url = torchvision.models.get_model_weights(name).IMAGENET1K_V1.url
    digits = re.search(r"-([0-9a-f]{8})\.pth$", url)  # the first digits of the file's SHA-256
    return pinned_weights(url.rpartition("/")[2], url, digits[1] if digits else "")


_FACENET_BLOCKS = (
    "stem: conv2d_1a conv2d_2a conv2d_2b conv2d_3b conv2d_4a conv2d_4b",
    *("repeat_1", "mixed_6a", "repeat_2", "mixed_7a", "repeat_3", "block8"),
    "bottleneck: dropout last_linear last_bn",
)
_VGG_BLOCKS = (
    "block1: features.0 features.2",
    "block2: features.5 features.7",
    "block3: features.10 features.12 features.14",
    "block4: features.17 features.19 features.21",
    "block5: features.24 features.26 features.28",
)
_INCEPTION_BLOCKS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)
_RESNET_BLOCKS = ("stem: conv1 bn1", "layer1", "layer2", "layer3", "layer4")

BACKBONES = {
    "inception_resnet_v1": BackboneKind(
        512,
        _FaceNet,
        partial(_find_blocks, _FACENET_BLOCKS),
        75,
        VGGFACE2,
        mean=(0.5,) * 3,  # facenet-pytorch's fixed_image_standardization is (value - 127.5) / 128
        std=(128 / 255,) * 3,
        classifier=("logits.",),
        embeds=True,
    ),
    "vgg16": BackboneKind(
        512 * 7 * 7, _Vgg, partial(_find_blocks, _VGG_BLOCKS), 32, _torchvision_weights("vgg16")
    ),
    "inception_v3": dataclasses.replace(
        # its own initialisation is slow and needs scipy; BatchNorm makes up for the difference
        _torchvision(
            "inception_v3", 2048, 75, _INCEPTION_BLOCKS, "fc dropout", init_weights=False, aux_logits=False
        ),
        mean=(0.5,) * 3,  # torchvision lets this network turn ImageNet's mean and std into these itself
        std=(0.5,) * 3,
        classifier=("fc.", "AuxLogits."),
    ),
    "efficientnet_b0": _torchvision("efficientnet_b0", 1280, 16, ["features.*"], "classifier"),
    "efficientnet_b1": _torchvision("efficientnet_b1", 1280, 16, ["features.*"], "classifier"),
    "convnext_tiny": _torchvision(
        "convnext_tiny", 768, 32, ["features.*", "norm: classifier"], "classifier.2"
    ),
    "mobilenet_v3": _torchvision("mobilenet_v3_large", 960, 16, ["features.*"], "classifier"),
    "resnet18": _torchvision("resnet18", 512, 16, _RESNET_BLOCKS, "fc"),
    "resnet50": _torchvision("resnet50", 2048, 16, _RESNET_BLOCKS, "fc"),
}
"""Backbone by name; ``timm:NAME`` is any of timm's image networks."""


def backbone_kind(name: str, size_px: int = 224) -> BackboneKind:
    """Return what is known about a backbone, without making it (timm's are made once, without memory).

    Raises:
        UsageError: there is no such backbone, or images of ``size_px`` are too small for it.
        MissingExtraError: it is one of timm's, and timm is not installed.
    """
    if name.startswith(TIMM):
        from .timm_backbones import timm_kind  # an extra

        return timm_kind(name.removeprefix(TIMM), size_px)
    if name not in BACKBONES:
        near = difflib.get_close_matches(name, BACKBONES, n=1)
        raise UsageError(
            f"there is no backbone {name!r}{f'; did you mean {near[0]}?' if near else '.'} There are: "
            f"{', '.join(BACKBONES)}, and timm:NAME"
        )
    kind = BACKBONES[name]
    if size_px < kind.min_px:
        raise UsageError(f"{name} takes images of at least {kind.min_px} px: --size {size_px} is too small")
    return kind


def make_backbone(name: str, size_px: int = 224, dropout: float = 0.0) -> Backbone:
    """Make a backbone with random weights, drawn from torch's global generator.

    Args:
        name: a name in :data:`BACKBONES`, or ``timm:NAME``.
        size_px: side of its images.
        dropout: share dropped before its own last layer; only networks that embed have one.

    Raises:
        UsageError: there is no such backbone, or images of ``size_px`` are too small for it.
        MissingExtraError: it is one of timm's, and timm is not installed.

    >>> make_backbone("resnet18").features
    512
    """
    kind = backbone_kind(name, size_px)
    module = kind.make(dropout)
    return Backbone(name, module, kind.blocks(module), kind)
