"""Freezing freezes weights and BatchNorm's statistics, through train(), under a real optimizer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facedata.errors import UsageError
from facemodel.config import FitConfig
from facemodel.machine.ranks import Ranks
from facemodel.machine.whole_batch import SharedBatchNorm, WholeBatch, share_batch_norms
from facemodel.network.backbones import make_backbone
from facemodel.network.freezing import parts_to_freeze, summarise_blocks, trainable_parameters
from facemodel.network.model import FaceModel, make_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.spec import InputSpec

State = dict[str, torch.Tensor]


def objective_of(freeze: str, backbone: str = "resnet18", size: int = 32, **options: object) -> Objective:
    values = {"backbone": backbone, "size": size, "freeze": freeze, "dim": 16, **options}
    config = FitConfig(weights="none", freeze_random=True, **values)  # type: ignore[arg-type]
    model, _ = make_model(config, InputSpec(size_px=size, template="square", dim=config.dim))
    return make_objective(config, model)


def step(objective: Objective, steps: int = 2) -> None:
    """Train for real: gradients, momentum, weight decay, running statistics."""
    optimizer = torch.optim.AdamW(trainable_parameters(objective), lr=0.01, weight_decay=0.1)
    size = objective.config.size
    for number in range(steps):
        objective.train()  # as every epoch begins
        images = torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(number)) + 1
        optimizer.zero_grad()
        objective(images, None, 3).loss.backward()
        optimizer.step()


def state(module: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before: State, module: nn.Module) -> set[str]:
    return {name for name, tensor in module.state_dict().items() if not torch.equal(before[name], tensor)}


@pytest.mark.parametrize(
    ("rule", "frozen"),
    [
        ("none", []),
        ("first:2", ["stem", "layer1"]),
        ("last:2", ["stem", "layer1", "layer2"]),
        ("last:0", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("backbone", ["stem", "layer1", "layer2", "layer3", "layer4"]),
    ],
)
def test_frozen_blocks_stay_bit_for_bit_and_the_others_learn(rule: str, frozen: list[str]) -> None:
    objective = objective_of(rule)
    before = {name: state(block) for name, block in objective.model.blocks}
    head = state(objective.model.head)
    step(objective)
    moved = {name: changed(before[name], block) for name, block in objective.model.blocks}
    assert [name for name, names in moved.items() if not names] == frozen
    for name, names in moved.items():
        if name not in frozen:  # all of it: weights, running means, running variances, counters
            assert names == set(before[name])
    assert changed(head, objective.model.head) == set(head)


def test_the_statistics_would_drift_if_only_the_weights_were_frozen() -> None:
    """The test above can fail: this is the defect it looks for."""
    objective = objective_of("none")
    layer = dict(objective.model.blocks)["layer1"]
    layer.requires_grad_(False)
    layer.training = False  # undone by train()
    before = state(layer)
    step(objective, 1)
    drifted = changed(before, layer)
    assert drifted
    assert all("running" in name or "num_batches" in name for name in drifted)


@pytest.mark.parametrize("backbone", ["inception_resnet_v1", "efficientnet_b0", "mobilenet_v3"])
def test_all_but_the_last_block_of_real_backbones(backbone: str) -> None:
    size = 75 if backbone == "inception_resnet_v1" else 32
    objective = objective_of("last:1", backbone, size, dim=512)
    before = {name: state(block) for name, block in objective.model.blocks}
    step(objective, 1)
    moved = [name for name, block in objective.model.blocks if changed(before[name], block)]
    assert moved == [objective.model.blocks[-1][0]]


def test_frozen_blocks_drop_nothing() -> None:
    """Stochastic depth in a frozen block would make its features random."""
    model = objective_of("first:8", "efficientnet_b0").model.train()
    blocks = nn.Sequential(*(block for _, block in model.blocks[:8]))
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(blocks(image), blocks(image))
    model.freeze("none")
    model.train()
    assert not torch.equal(blocks(image), blocks(image))


def test_nothing_below_a_frozen_block_is_kept_for_gradients() -> None:
    """Frozen layers cost no memory: their results know no history."""
    model = objective_of("backbone").model.train()
    assert not model.backbone(torch.randn(2, 3, 32, 32)).requires_grad
    assert model(torch.randn(2, 3, 32, 32)).requires_grad


def test_freezing_again_thaws_what_was_frozen() -> None:
    objective = objective_of("backbone")
    objective.model.freeze("first:1")
    assert objective.model.frozen == "first:1"
    before = {name: state(block) for name, block in objective.model.blocks}
    step(objective, 1)
    assert [name for name, block in objective.model.blocks if not changed(before[name], block)] == ["stem"]


def test_summary_counts_what_trains() -> None:
    model: FaceModel = objective_of("first:2").model.train()
    parts = {part.name: part for part in summarise_blocks(model.blocks)}
    assert sum(part.parameters for part in parts.values()) == 11_176_512  # torchvision's 11,689,512 - fc
    assert [name for name, part in parts.items() if part.trainable == 0] == ["stem", "layer1"]
    assert parts["layer2"].trainable == parts["layer2"].parameters
    assert parts["layer1"].fixed_statistics == (4, 4)
    assert parts["layer2"].fixed_statistics == (0, 5)


def test_more_blocks_than_there_are_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="resnet18 has 5 blocks: stem, layer1, layer2, layer3, layer4"):
        parts_to_freeze(make_backbone("resnet18"), "first:6")


def test_an_objective_without_anything_to_train_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing trains"):
        trainable_parameters(objective_of("backbone", "inception_resnet_v1", 75, dim=512))


def test_frozen_batch_norms_stay_frozen_when_their_statistics_are_shared() -> None:
    """They stay the same layers, under the same names, so what is frozen stays frozen."""
    model = objective_of("first:1").model
    names = list(model.state_dict())
    share_batch_norms(model, WholeBatch(nn.Identity(), Ranks()))
    assert list(model.state_dict()) == names
    norms = [layer for layer in model.train().modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all(isinstance(norm, SharedBatchNorm) for norm in norms)
    assert [norm.training for norm in norms] == [False] + [True] * (len(norms) - 1)
