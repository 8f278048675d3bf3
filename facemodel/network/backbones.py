"""Backbones by name: networks of facenet-pytorch, torchvision and timm, each cut off before its classifier.

A backbone keeps its library's names of weights, so that the library's files fit, and lists its parts in the
order in which an image passes them, so that the first or last few can be frozen.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torchvision
from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn

from facedata.errors import UsageError

from .kind import Block, Kind

TIMM = "timm:"


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network without its classifier.

    Attributes:
        name: as ``--backbone`` calls it.
        module: takes ``(N, 3, size, size)`` float32, gives ``(N, features)``.
        blocks: its parts in order.
    """

    name: str
    module: nn.Module = field(repr=False)
    blocks: list[Block] = field(repr=False)
    kind: Kind

    @property
    def features(self) -> int:
        """Length of what it gives per image."""
        return self.kind.features


class _FaceNet(InceptionResnetV1):  # type: ignore[misc]  # the library has no types
    """InceptionResnetV1 up to its 512-d bottleneck, whose length is left as it is."""

    def forward(self, images: Tensor) -> Tensor:
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(self._stem(images))))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.avgpool_1a(self.block8(self.repeat_3(x)))
        found: Tensor = self.last_bn(self.last_linear(self.dropout(x).flatten(1)))
        return found

    def _stem(self, images: Tensor) -> Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(images)))
        found: Tensor = self.maxpool_3a(x)
        return found


class _Vgg(nn.Module):
    """VGG16's convolutions; its 7 × 7 features laid out in a row, as its first full layer takes them."""

    def __init__(self) -> None:
        super().__init__()
        vgg = torchvision.models.vgg
        self.features = vgg.make_layers(vgg.cfgs["D"], batch_norm=False)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        for layer in self.features:  # as torchvision does
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.avgpool(self.features(images)).flatten(1)
        return found


def _facenet(dropout: float) -> nn.Module:
    return _FaceNet(pretrained=None, classify=False, dropout_prob=dropout)


def _facenet_parts(net: Any) -> list[Block]:
    stem = ("conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a", "conv2d_4b")
    middle = ("repeat_1", "mixed_6a", "repeat_2", "mixed_7a", "repeat_3", "block8")
    bottleneck = nn.ModuleList([net.dropout, net.last_linear, net.last_bn])
    return [
        ("stem", nn.ModuleList([getattr(net, name) for name in stem])),
        *((name, getattr(net, name)) for name in middle),
        ("bottleneck", bottleneck),
    ]


def _inception(dropout: float) -> nn.Module:
    # its own initialisation takes long and asks scipy for numbers; BatchNorm makes up for the difference
    net: nn.Module = torchvision.models.inception_v3(init_weights=False, aux_logits=False, dropout=0.0)
    net.fc = nn.Identity()
    return net


def _inception_parts(net: Any) -> list[Block]:
    return [(name, part) for name, part in net.named_children() if name.startswith(("Conv2d", "Mixed"))]


def _of_torchvision(name: str, head: str) -> Callable[[float], nn.Module]:
    def make(dropout: float) -> nn.Module:
        net: nn.Module = getattr(torchvision.models, name)()
        setattr(net, head, nn.Identity())
        return net

    return make


def _convnext(dropout: float) -> nn.Module:
    net: Any = torchvision.models.convnext_tiny()
    net.classifier = nn.Sequential(*list(net.classifier.children())[:-1])
    made: nn.Module = net
    return made


def _convnext_parts(net: Any) -> list[Block]:
    return [*_feature_parts(net), ("norm", net.classifier)]


def _feature_parts(net: Any) -> list[Block]:
    return [(f"features.{i}", part) for i, part in enumerate(net.features)]


def _vgg_parts(net: Any) -> list[Block]:
    """Return its five blocks of convolutions; each ends with a pooling."""
    ends = [0, *(i + 1 for i, layer in enumerate(net.features) if isinstance(layer, nn.MaxPool2d))]
    return [
        (f"block{i + 1}", net.features[start:end]) for i, (start, end) in enumerate(itertools.pairwise(ends))
    ]


def _resnet_parts(net: Any) -> list[Block]:
    stem = nn.ModuleList([net.conv1, net.bn1])
    return [("stem", stem), *((f"layer{i}", getattr(net, f"layer{i}")) for i in range(1, 5))]


BACKBONES = {
    # facenet-pytorch's fixed_image_standardization is (value - 127.5) / 128
    "inception_resnet_v1": Kind(
        512, _facenet, _facenet_parts, 75, (0.5, 0.5, 0.5), (128 / 255,) * 3, ("logits.",), embeds=True
    ),
    "vgg16": Kind(512 * 7 * 7, lambda dropout: _Vgg(), _vgg_parts, 32),
    # torchvision lets this network turn ImageNet's mean and std into these itself
    "inception_v3": Kind(
        2048, _inception, _inception_parts, 75, (0.5,) * 3, (0.5,) * 3, ("fc.", "AuxLogits.")
    ),
    "efficientnet_b0": Kind(1280, _of_torchvision("efficientnet_b0", "classifier"), _feature_parts, 16),
    "efficientnet_b1": Kind(1280, _of_torchvision("efficientnet_b1", "classifier"), _feature_parts, 16),
    "convnext_tiny": Kind(768, _convnext, _convnext_parts, 32, classifier=("classifier.2.",)),
    "mobilenet_v3": Kind(960, _of_torchvision("mobilenet_v3_large", "classifier"), _feature_parts, 16),
    "resnet18": Kind(512, _of_torchvision("resnet18", "fc"), _resnet_parts, 16, classifier=("fc.",)),
    "resnet50": Kind(2048, _of_torchvision("resnet50", "fc"), _resnet_parts, 16, classifier=("fc.",)),
}
"""Name → network; besides, ``timm:NAME`` is any image network of timm's."""


def kind_of(name: str, size_px: int = 224) -> Kind:
    """Return what is known of a backbone, without making it (a network of timm's is looked at).

    Raises:
        UsageError: there is no such backbone, or images of ``size_px`` are too small for it.
        MissingExtraError: it is timm's, which is not installed.
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
        raise UsageError(f"{name} takes images from {kind.min_px} px up: --size {size_px} is too small")
    return kind


def make_backbone(name: str, size_px: int = 224, dropout: float = 0.0) -> Backbone:
    """Make a backbone with random weights, drawn from torch's global generator.

    Args:
        name: a name in :data:`BACKBONES`, or ``timm:NAME``.
        size_px: side of its images.
        dropout: share dropped before its own last layer; only networks that embed have one.

    Raises:
        UsageError: there is no such backbone, or images of ``size_px`` are too small for it.
        MissingExtraError: it is timm's, which is not installed.

    >>> make_backbone("resnet18").features
    512
    """
    kind = kind_of(name, size_px)
    module = kind.make(dropout)
    return Backbone(name, module, kind.parts(module), kind)


def outside_blocks(blocks: Sequence[Block], module: nn.Module) -> list[str]:
    """Return the names of weights that no block holds; there should be none."""
    held = {id(weight) for _, block in blocks for weight in block.parameters()}
    return [name for name, weight in module.named_parameters() if id(weight) not in held]
