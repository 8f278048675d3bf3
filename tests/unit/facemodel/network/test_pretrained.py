"""Pretrained weights: downloaded from a real server, read from files that fit, lie, or would run code."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from safetensors.torch import save_file
from torch import Tensor, nn

from facedata.files.download import PinnedFile
from facemodel.config import FitConfig
from facemodel.errors import ArchitectureError, WeightsError
from facemodel.models.saved import save_model
from facemodel.network.backbones import BACKBONES, Backbone, backbone_kind, make_backbone
from facemodel.network.model import make_model
from facemodel.network.pretrained import load_pretrained, read_tensors
from facemodel.objective.objective import make_objective
from facemodel.spec import InputSpec
from tests.support.local_server import Server

TINY = "timm:test_efficientnet"
State = dict[str, Tensor]


def library_state(name: str = TINY) -> State:
    """What a library's file for a backbone holds: its weights, and a classifier."""
    state = make_backbone(name, 64).module.state_dict()
    noise = {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}
    return {**noise, "classifier.weight": torch.zeros(10, 4), "classifier.bias": torch.zeros(10)}


def saved(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


def equals(backbone: Backbone, state: State) -> bool:
    found = backbone.module.state_dict()
    return all(torch.equal(tensor, state[name]) for name, tensor in found.items())


def serve(server: Server, state: State, digits: int = 8) -> PinnedFile:
    """Serve a library's file, pinned by the first digits of its SHA-256 as torchvision does."""
    file = io.BytesIO()
    torch.save(state, file)
    server.content = file.getvalue()
    url = f"http://127.0.0.1:{server.server_address[1]}/x.pth"
    return PinnedFile("x.pth", url, hashlib.sha256(server.content).hexdigest()[:digits])


def tiny(weights: PinnedFile | None) -> Backbone:
    """A backbone whose library has these weights."""
    backbone = make_backbone(TINY, 64)
    return dataclasses.replace(backbone, kind=dataclasses.replace(backbone.kind, weights=weights))


def test_the_librarys_weights_are_downloaded_once(server: Server, tmp_path: Path) -> None:
    state = library_state()
    remote = serve(server, state)
    for _ in range(2):
        backbone = tiny(remote)
        found = load_pretrained(backbone, "auto", cache=tmp_path)
        assert equals(backbone, state)
        assert found.kind == "library"
        assert found.sha256 == hashlib.sha256(server.content).hexdigest()
        assert found.sha256[:12] in found.line
    assert server.requests == [None]


def test_other_bytes_than_pinned_are_never_used(server: Server, tmp_path: Path) -> None:
    backbone = tiny(serve(server, library_state()))
    server.content = server.content[:-1] + b"x"
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    found = load_pretrained(backbone, "auto", cache=tmp_path)
    assert equals(backbone, before)
    assert found.kind == "none"
    assert "starts from scratch: no pretrained weights could be had" in found.line
    assert "expected SHA-256" in found.line
    assert not list(tmp_path.glob("x.pth*"))


def test_a_users_sha256_holds_for_the_librarys_weights_too(server: Server, tmp_path: Path) -> None:
    backbone = tiny(serve(server, library_state(), digits=0))  # as timm's, which publishes no hashes
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    with pytest.raises(WeightsError, match="have the SHA-256"):
        load_pretrained(backbone, "auto", "ab" * 32, tmp_path)
    assert equals(backbone, before)
    right = hashlib.sha256(server.content).hexdigest()
    assert load_pretrained(backbone, "auto", right, tmp_path).kind == "library"


def test_without_network_a_backbone_starts_from_scratch_and_says_so_in_one_line(
    server: Server, tmp_path: Path
) -> None:
    backbone = tiny(serve(server, library_state()))
    server.statuses = [404]
    found = load_pretrained(backbone, "auto", cache=tmp_path)
    assert (found.kind, found.sha256) == ("none", None)
    assert found.line.startswith(f"{TINY} starts from scratch: no pretrained weights could be had (")
    assert "404" in found.line
    assert "\n" not in found.line


def test_a_sha256_that_nothing_has_is_an_error() -> None:
    assert load_pretrained(tiny(None), "auto").kind == "none"
    with pytest.raises(WeightsError, match="cannot start from the weights with the SHA-256 00000000"):
        load_pretrained(tiny(None), "auto", "00000000")


def test_the_addresses_are_the_libraries_own() -> None:
    names = ("inception_resnet_v1", "resnet18", "mobilenet_v3", TINY)
    facenet, resnet, mobilenet, timm = (backbone_kind(name).weights for name in names)
    assert facenet is not None
    assert len(facenet.sha256) == 64
    assert resnet is not None
    assert resnet.url == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert resnet.sha256 == "f37072fd"
    assert mobilenet is not None
    assert mobilenet.sha256 == "8738ca79"
    assert timm is not None
    assert timm.url.endswith("/resolve/main/model.safetensors")


def test_every_torchvision_backbone_has_pinned_weights() -> None:
    for name, kind in BACKBONES.items():
        assert kind.weights is not None, name
        assert len(kind.weights.sha256) in (8, 64), name


def test_a_users_file_is_read_whatever_its_format(tmp_path: Path) -> None:
    state = library_state()
    save_file(state, tmp_path / "a.safetensors")
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    files = [
        tmp_path / "a.safetensors",
        saved(state, tmp_path / "b.pth"),
        saved({"epoch": 3, "state_dict": parallel}, tmp_path / "c.pt"),
    ]
    for file in files:
        backbone = make_backbone(TINY, 64)
        found = load_pretrained(backbone, str(file))
        assert equals(backbone, state)
        assert found.kind == "file"
        assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert str(file) in found.line


def test_the_librarys_facenet_file_fits_with_its_classifier(tmp_path: Path) -> None:
    """The weights after VGGFace2 hold logits of 8,631 people, and not all counters of batches."""
    library = InceptionResnetV1(pretrained=None, classify=True, num_classes=8631)
    state = {k: v for k, v in library.state_dict().items() if not k.endswith("num_batches_tracked")}
    backbone = make_backbone("inception_resnet_v1")
    load_pretrained(backbone, str(saved(state, tmp_path / "vggface2.pt")))
    assert torch.equal(backbone.module.state_dict()["last_linear.weight"], state["last_linear.weight"])


def test_a_runs_weights_start_another_run(tmp_path: Path) -> None:
    config = FitConfig(backbone=TINY, size=64, dim=8, weights="none", batches="people", loss="cosface")
    model, _ = make_model(config, InputSpec(size_px=64, template="square", dim=8))
    file = save_model(tmp_path, "best", make_objective(config, model, ["Ana", "Bo"]))
    backbone = make_backbone(TINY, 64)
    load_pretrained(backbone, str(file))
    assert equals(backbone, model.backbone.state_dict())


def test_a_file_of_another_network_is_refused_naming_what_differs(tmp_path: Path) -> None:
    file = saved(library_state("resnet18"), tmp_path / "r.pth")
    backbone = make_backbone(TINY, 64)
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    with pytest.raises(ArchitectureError) as caught:
        load_pretrained(backbone, str(file))
    text = str(caught.value)
    assert f"{file} is of another network than {TINY}: it lacks conv_stem.weight" in text
    assert "it has conv1.weight, layer1.0" in text
    assert "more" in text
    assert equals(backbone, before)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    state = library_state()
    state["conv_stem.weight"] = state["conv_stem.weight"][:, :1]
    with pytest.raises(
        ArchitectureError, match=r"conv_stem.weight is \(24, 1, 3, 3\) and not \(24, 3, 3, 3\)"
    ):
        load_pretrained(make_backbone(TINY, 64), str(saved(state, tmp_path / "grey.pth")))


def test_a_file_with_another_sha256_is_refused(tmp_path: Path) -> None:
    file = saved(library_state(), tmp_path / "a.pth")
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    load_pretrained(make_backbone(TINY, 64), str(file), right.upper())
    with pytest.raises(WeightsError, match=f"have the SHA-256 {right}, not {'0' * 64}"):
        load_pretrained(make_backbone(TINY, 64), str(file), "0" * 64)


class _Code:
    """Pickled, it writes a file when it is read back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_file_that_would_run_code_is_refused_and_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    file = saved({"conv_stem.weight": torch.zeros(1), "more": _Code(mark)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="holds more than plain tensors, and is not read"):
        read_tensors(file)
    assert not mark.exists()
    torch.load(file, weights_only=False)  # the test can fail: the file does what it is feared for
    assert mark.exists()


def test_what_is_no_file_of_tensors_is_refused(tmp_path: Path) -> None:
    whole = saved(library_state(), tmp_path / "whole.pth").read_bytes()
    contents = {
        "missing.pth": None,
        "missing.safetensors": None,
        "empty.pth": b"",
        "junk.pth": b"hello" * 100,
        "cut.pth": whole[: len(whole) // 2],
        "junk.safetensors": b"\xff" * 100,
    }
    for name, data in contents.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(WeightsError, match=name):
            load_pretrained(make_backbone(TINY, 64), str(tmp_path / name))
    with pytest.raises(WeightsError, match="something other than a network's tensors"):
        read_tensors(saved([1, 2], tmp_path / "list.pth"))


@pytest.mark.filterwarnings("ignore:.*jit.*:FutureWarning")
def test_torchscript_is_refused_as_weights(tmp_path: Path) -> None:
    traced = torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2))  # type: ignore[no-untyped-call]
    traced.save(str(tmp_path / "net.pt"))
    with pytest.raises(WeightsError, match="more than plain tensors"):
        read_tensors(tmp_path / "net.pt")
