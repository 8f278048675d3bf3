"""Making models: what is frozen and said, dropout and bare heads, input specs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from facedata.errors import UsageError
from facemodel.config import FitConfig
from facemodel.network.model import FaceModel, build_model, input_spec, make_model
from facemodel.spec import InputSpec
from tests.support.small_set import SIZE_PX, make_set


def config_of(**options: object) -> FitConfig:
    return FitConfig(**{"backbone": "resnet18", "size": 32, "dim": 16, "weights": "none", **options})  # type: ignore[arg-type]


def made(**options: object) -> tuple[FaceModel, list[str]]:
    config = config_of(**options)
    return make_model(config, InputSpec(config.size, "square", config.dim, normalised=config.normalised))


def dropouts(model: FaceModel) -> list[float]:
    return [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout) and layer.p]


def test_random_layers_are_not_frozen_unless_asked_and_a_line_says_so() -> None:
    model, lines = made(freeze="first:2")
    assert lines == [
        "resnet18 starts from scratch (--weights none)",
        "so everything trains, and --freeze first:2 is left aside",
    ]
    assert all(weight.requires_grad for weight in model.parameters())
    assert model.frozen == "none"
    model, lines = made(freeze="first:2", freeze_random=True)
    assert lines[-1] == "frozen: first:2"
    assert not all(weight.requires_grad for weight in model.parameters())


def test_a_rule_that_means_nothing_is_refused_even_where_it_is_left_aside() -> None:
    with pytest.raises(UsageError, match="resnet18 has 5 blocks"):
        made(freeze="last:9")


def test_a_backbone_made_for_embeddings_keeps_its_bottleneck() -> None:
    """The pretrained 512-d layer was thrown away by the systems before."""
    bare, _ = made(backbone="inception_resnet_v1", size=75, dim=512, dropout=0.6)
    assert len(bare.head.layers) == 0
    assert "last_linear.weight" in bare.backbone.state_dict()
    assert dropouts(bare) == [0.6]  # before its own last layer
    longer, _ = made(backbone="inception_resnet_v1", size=75, dim=128, dropout=0.6)
    assert [type(layer).__name__ for layer in longer.head.layers] == ["Dropout", "Linear"]
    assert dropouts(longer) == [0.6]
    assert "last_linear.weight" in longer.backbone.state_dict()


def test_system_bs_head_follows_vgg16s_features() -> None:
    model, _ = made(backbone="vgg16", hidden="1000,512", dim=108)
    widths = [tuple(layer.weight.shape) for layer in model.head.layers if isinstance(layer, nn.Linear)]
    assert widths == [(1000, 25_088), (512, 1000), (108, 512)]


def test_pairs_have_their_dropout_in_the_pair_head() -> None:
    assert dropouts(made(batches="pairs", loss="bce", dropout=0.3)[0]) == []
    assert dropouts(made(dropout=0.3)[0]) == [0.3]


def test_embeddings_are_float32_of_length_one_where_asked() -> None:
    model = made(normalised=True)[0].eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(torch.randn(3, 3, 32, 32))
    assert (found.shape, found.dtype) == ((3, 16), torch.float32)
    assert (found.norm(dim=1) - 1).abs().max() < 1e-6


def test_the_input_spec_is_the_sets_and_the_backbones(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"Ana": 3, "Bo": 3})
    spec = input_spec(
        config_of(backbone="inception_resnet_v1", size=80, loss="arcface", batches="people"), prepared
    )
    assert (spec.size_px, spec.crop_px, spec.dim, spec.template) == (80, SIZE_PX, 16, "square")
    assert spec.set_fingerprint == prepared.fingerprint
    assert spec.mean == (0.5, 0.5, 0.5)
    assert spec.std == pytest.approx((0.50196, 0.50196, 0.50196), abs=1e-5)
    assert (spec.metric, spec.threshold, spec.colour) == ("cosine", None, "rgb")
    assert input_spec(config_of(), prepared).mean == (0.485, 0.456, 0.406)
    assert input_spec(config_of(), prepared).metric == "euclidean"
    timm = input_spec(config_of(backbone="timm:mobilenetv3_small_050"), prepared)
    assert timm.std == (0.229, 0.224, 0.225)


def test_a_spec_of_other_options_is_refused() -> None:
    with pytest.raises(UsageError, match=r"size 40, dim 16.*not that of the options \(32, 16, False\)"):
        build_model(config_of(), InputSpec(size_px=40, template="square", dim=16))
