"""Backbones give what their libraries' networks give, up to the classifier; blocks hold every weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from facenet_pytorch import InceptionResnetV1
from torch import nn

from facedata.errors import UsageError
from facemodel.network.backbones import BACKBONES, backbone_kind, make_backbone

SMALL_PX = {"inception_resnet_v1": 75, "inception_v3": 75}
TIMM = ["timm:mobilenetv3_small_050", "timm:vit_tiny_patch16_224", "timm:resnet10t"]


def images(count: int, side: int) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def from_library(name: str) -> tuple[Any, nn.Module]:
    """A network of torchvision's in eval mode, and ours with the same weights."""
    kwargs = {"init_weights": False} if name == "inception_v3" else {}
    library = getattr(torchvision.models, {"mobilenet_v3": "mobilenet_v3_large"}.get(name, name))(**kwargs)
    ours = make_backbone(name).module
    kept = {k: v for k, v in library.state_dict().items() if not k.startswith(BACKBONES[name].classifier)}
    ours.load_state_dict(kept)
    return library.eval(), ours.eval()


@pytest.mark.parametrize("name", [*BACKBONES, *TIMM])
def test_it_gives_the_features_it_says_from_the_smallest_image_on(name: str) -> None:
    least = max(backbone_kind(name).min_px, 32 if name in TIMM else 1)
    for side in (least, least + 1 if "vit" not in name else least + 16):  # an odd side, too
        backbone = make_backbone(name, side)
        with torch.inference_mode():
            found = backbone.module.eval()(images(2, side))
        assert found.shape == (2, backbone.features)
        assert found.isfinite().all()


@pytest.mark.parametrize("name", [*BACKBONES, *TIMM])
def test_blocks_hold_every_weight_once(name: str) -> None:
    backbone = make_backbone(name)
    held = [id(weight) for _, block in backbone.blocks for weight in block.parameters()]
    assert sorted(held) == sorted(id(weight) for weight in backbone.module.parameters())
    assert len({label for label, _ in backbone.blocks}) == len(backbone.blocks) > 3


@pytest.mark.parametrize("name", [*BACKBONES, *TIMM])
def test_blocks_come_in_the_order_in_which_an_image_passes_them(name: str) -> None:
    backbone, passed = make_backbone(name), list[int]()
    for number, (_, block) in enumerate(backbone.blocks):
        for layer in block.modules():
            if next(layer.parameters(recurse=False), None) is not None:
                layer.register_forward_hook(lambda *_, number=number: passed.append(number))
    with torch.inference_mode():
        backbone.module.eval()(images(1, 224))
    assert passed == sorted(passed)
    assert set(passed) == set(range(len(backbone.blocks)))


@pytest.mark.parametrize("name", ["inception_resnet_v1", "inception_v3", "vgg16", "convnext_tiny"])
def test_images_that_are_too_small_are_refused(name: str) -> None:
    least = BACKBONES[name].min_px
    with pytest.raises(UsageError, match=f"at least {least} px: --size {least - 1}"):
        make_backbone(name, least - 1)


def test_facenet_is_the_librarys_but_for_the_length_of_its_embedding() -> None:
    library, ours = InceptionResnetV1(pretrained=None).eval(), make_backbone("inception_resnet_v1").module
    ours.load_state_dict(library.state_dict())
    with torch.inference_mode():
        batch = images(2, 160)
        found = ours.eval()(batch)
        assert torch.equal(nn.functional.normalize(found), library(batch))
    assert (found.norm(dim=1) - 1).abs().min() > 0.01


def test_vgg16_lays_out_its_7_by_7_features_for_the_next_layer() -> None:
    ours = make_backbone("vgg16").module
    with torch.device("meta"):  # its full layers hold 123 million numbers that nobody needs
        library = torchvision.models.vgg16(init_weights=False)
    assert not library.load_state_dict(ours.state_dict(), strict=False, assign=True).unexpected_keys
    with torch.inference_mode():
        batch = images(1, 64)
        wanted = library.avgpool(library.features(batch)).flatten(1)
        assert torch.equal(ours(batch), wanted)
    assert wanted.shape == (1, 25_088)


def test_inception_v3s_mean_and_std_stand_for_what_the_library_does_to_imagenets() -> None:
    """torchvision's pretrained network takes ImageNet's normalisation and changes it inside."""
    kind = BACKBONES["inception_v3"]
    pixels = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    turned = [torch.tensor(values).view(1, 3, 1, 1) for values in (kind.mean, kind.std)]
    imagenet = [torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    library, ours = from_library("inception_v3")
    library.transform_input, library.fc = True, nn.Identity()
    with torch.inference_mode():
        wanted = library((pixels - imagenet[0]) / imagenet[1])
        found = ours((pixels - turned[0]) / turned[1])
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["efficientnet_b0", "convnext_tiny", "mobilenet_v3", "resnet18"])
def test_torchvisions_are_cut_off_before_the_classifier(name: str) -> None:
    library, ours = from_library(name)
    head = "fc" if name == "resnet18" else "classifier"
    kept = list(getattr(library, head).children())[:2] if name == "convnext_tiny" else []
    setattr(library, head, nn.Sequential(*kept))
    with torch.inference_mode():
        assert torch.equal(ours(images(2, 64)), library(images(2, 64)))


def test_an_unknown_name_is_refused_with_a_near_one() -> None:
    with pytest.raises(UsageError, match="no backbone 'resnet19'; did you mean resnet18"):
        make_backbone("resnet19")
    with pytest.raises(UsageError, match=r"timm has no network 'resnet19'; it has resnet1"):
        make_backbone("timm:resnet19")


def test_dropout_is_only_before_a_layer_made_for_embeddings() -> None:
    kinds = {
        name: make_backbone(name, dropout=0.4).module for name in ("inception_resnet_v1", "inception_v3")
    }
    rates = {
        name: [layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)]
        for name, net in kinds.items()
    }
    assert rates == {"inception_resnet_v1": [0.4], "inception_v3": []}
