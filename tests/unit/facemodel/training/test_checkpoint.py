"""Checkpoints: what is written comes back bit for bit, what is spoilt is seen, nothing half-written stays."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from facedata.errors import StoreError
from facemodel.errors import ArchitectureError, CheckpointError, NewerVersionError
from facemodel.training.checkpoint import (
    KEPT,
    Checkpoint,
    checkpoint_files,
    flatten_optimizer,
    load_newest,
    part,
    read_checkpoint,
    restore_module,
    restore_optimizer,
    save_checkpoint,
)

VALUES = {"epoch": 3, "step": 17, "rows": [{"loss": 0.1 + 0.2, "none": None}], "text": "ä"}


def state(number: float = 1.0) -> Checkpoint:
    tensors = {
        "model.weight": torch.full((2, 3), number),
        "model.half": torch.arange(4, dtype=torch.bfloat16),
        "known": torch.tensor([True, False]),
        "count": torch.tensor(7),
        "nothing": torch.zeros(0, 5),
    }
    return Checkpoint(tensors, VALUES)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    found = read_checkpoint(save_checkpoint(tmp_path, 17, state()))
    assert found.values == VALUES
    assert found.tensors.keys() == state().tensors.keys()
    for name, tensor in state().tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)
    assert set(part(found.tensors, "model.")) == {"weight", "half"}


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 40, 300):
        save_checkpoint(tmp_path, step, state(step))
    assert [int(file.stem) for file in checkpoint_files(tmp_path)] == [300, 40]
    assert KEPT == 2
    newest = load_newest(tmp_path)
    assert newest is not None
    assert newest.tensors["model.weight"][0, 0] == 300
    assert load_newest(tmp_path / "nowhere") is None


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "header", "other file", "no header"])
def test_a_corrupt_one_gives_way_to_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_checkpoint(tmp_path, 1, state(1))
    file = save_checkpoint(tmp_path, 2, state(2))
    spoil(file, damage)
    with caplog.at_level(logging.WARNING):
        found = load_newest(tmp_path)
    assert found is not None
    assert found.tensors["model.weight"][0, 0] == 1
    assert "000000000002.safetensors is corrupt" in caplog.text
    assert "resuming from the one before, 000000000001.safetensors" in caplog.text


def spoil(file: Path, damage: str) -> None:
    data = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "flipped":
        data[-3] ^= 1
        file.write_bytes(data)
    elif damage == "header":
        file.write_bytes(bytes(data).replace(b"0.30000000000000004", b"0.40000000000000004"))
    elif damage == "other file":
        file.write_bytes(b"PK\x03\x04 a zip, as torch writes them" * 50)
    else:
        save_file(load_file(file), file)


def test_when_none_can_be_read_it_says_so(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, state()).write_bytes(b"x")
    save_checkpoint(tmp_path, 2, state()).write_bytes(b"y")
    with pytest.raises(CheckpointError, match=r"1\.safetensors is corrupt.*--overwrite"):
        load_newest(tmp_path)


def test_a_newer_one_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, state())
    file = save_checkpoint(tmp_path, 2, state())
    save_file(load_file(file), file, {"facemodel": json.dumps({"version": 99})})
    with pytest.raises(NewerVersionError, match="format 99; this one knows 1"):
        load_newest(tmp_path)


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with pytest.raises(StoreError, match="cannot write"):
        save_checkpoint(folder, 1, state())
    (tmp_path / "000000000002.safetensors").mkdir()  # so that the rename fails, after all was written
    with pytest.raises(StoreError):
        save_checkpoint(tmp_path, 2, state())
    assert [file.name for file in tmp_path.iterdir()] == ["000000000002.safetensors"]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_an_optimizer_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    unbroken, optimizer = network(name)
    train(unbroken, optimizer, range(4))
    want = [value.clone() for value in unbroken.state_dict().values()]
    first, optimizer = network(name)
    train(first, optimizer, range(2))
    tensors, rest = flatten_optimizer(optimizer)
    tensors |= {f"model.{key}": value for key, value in first.state_dict().items()}
    found = read_checkpoint(save_checkpoint(tmp_path, 1, Checkpoint(tensors, {"optimizer": rest})))
    second, optimizer = network(name, seed=9)
    restore_module(second, part(found.tensors, "model."), "it")
    restore_optimizer(optimizer, found, found.values["optimizer"])
    train(second, optimizer, range(2, 4))
    assert all(torch.equal(a, b) for a, b in zip(want, second.state_dict().values(), strict=True))


def network(name: str, seed: int = 0) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    module = module.to(memory_format=torch.channels_last)
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    words = {"momentum": 0.9} if name == "sgd" else {}
    return module, kinds[name](module.parameters(), lr=0.1, weight_decay=0.01, **words)


def train(module: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        torch.manual_seed(step)
        optimizer.zero_grad()
        module(torch.randn(5, 3, 8, 8).to(memory_format=torch.channels_last)).square().mean().backward()
        optimizer.step()


def test_an_optimizers_tensors_lie_as_its_parameters_do(tmp_path: Path) -> None:
    module, optimizer = network("adam")
    train(module, optimizer, range(1))
    tensors, rest = flatten_optimizer(optimizer)
    found = read_checkpoint(save_checkpoint(tmp_path, 1, Checkpoint(tensors)))
    _, fresh = network("adam")
    restore_optimizer(fresh, found, rest)
    for parameter, values in fresh.state.items():
        assert values["exp_avg"].stride() == parameter.stride()


def test_another_architecture_is_refused_naming_what_differs() -> None:
    module, _ = network("sgd")
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Flatten()).state_dict()
    with pytest.raises(ArchitectureError, match=r"0\.weight \(8x3x3x3 there, 4x3x3x3 here\)") as caught:
        restore_module(module, theirs, "the checkpoint x")
    assert "1.weight (absent there, 4 here)" in str(caught.value)
