"""MTCNN's networks without torch: facenet-pytorch's weights, and its numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from facedata.detect.mtcnn import weights
from facedata.detect.mtcnn.detector import _suppress
from facedata.detect.mtcnn.networks import make_networks
from facedata.detect.mtcnn.on_onnxruntime import OnnxRuntimeNetworks
from facedata.detect.mtcnn.on_torch import TorchNetworks
from facedata.detect.mtcnn.onnx_bytes import make_model, make_node
from facedata.detect.mtcnn.weights import read_weights, weights_file
from facedata.errors import DetectorError

KINDS = {"pnet": PNet, "rnet": RNet, "onet": ONet}


@pytest.mark.parametrize("network", KINDS)
def test_the_weights_are_those_that_torch_reads(network: str) -> None:
    wanted = torch.load(weights_file(network), map_location="cpu", weights_only=True)
    found = read_weights(network)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_a_changed_or_missing_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = bytearray(weights_file("pnet").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "pnet.pt").write_bytes(changed)
    monkeypatch.setattr(weights, "weights_file", lambda network: tmp_path / f"{network}.pt")
    with pytest.raises(DetectorError, match=r"pnet.pt has SHA-256 [0-9a-f]{64}, not that of 2.5.3: pip"):
        OnnxRuntimeNetworks()
    with pytest.raises(DetectorError, match=r"rnet.pt cannot be read: No such file"):
        read_weights("rnet")


@pytest.fixture(scope="module")
def both() -> tuple[OnnxRuntimeNetworks, TorchNetworks]:
    return OnnxRuntimeNetworks(), TorchNetworks("cpu")


@settings(max_examples=30)
@given(
    count=st.integers(1, 9), height=st.integers(12, 90), width=st.integers(12, 90), seed=st.integers(0, 99)
)
def test_pnet_gives_torchs_numbers_at_every_size(
    both: tuple[OnnxRuntimeNetworks, TorchNetworks], count: int, height: int, width: int, seed: int
) -> None:
    """Both also where a side is odd, so that the pooling's last window is half empty."""
    images = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3)).astype(np.uint8)
    hold_against(both, "pnet", images)


@pytest.mark.parametrize(("network", "side"), [("rnet", 24), ("onet", 48)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_others_give_torchs_numbers(
    both: tuple[OnnxRuntimeNetworks, TorchNetworks], network: str, side: int, kind: type
) -> None:
    crops: np.ndarray = np.random.default_rng(3).integers(0, 256, (33, side, side, 3)).astype(kind)
    hold_against(both, network, crops)


def hold_against(both: tuple[OnnxRuntimeNetworks, TorchNetworks], network: str, images: np.ndarray) -> None:
    ours, theirs = both
    with ours.one_thread(), theirs.one_thread():
        for found, wanted in zip(
            getattr(ours, network)(images), getattr(theirs, network)(images), strict=True
        ):
            assert found.shape == wanted.shape
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_the_cpus_networks_import_no_torch() -> None:
    code = (
        "import sys, numpy as np\nfrom facedata.detect.mtcnn.factory import MtcnnFactory\n"
        "MtcnnFactory()().detect([np.zeros((99, 99, 3), np.uint8)])\n"
        "print({'torch', 'torchvision', 'facenet_pytorch', 'scipy', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
    assert isinstance(make_networks("cpu"), OnnxRuntimeNetworks)


@settings(max_examples=60)
@given(count=st.integers(0, 60), seed=st.integers(0, 999), overlap=st.sampled_from([0.3, 0.5, 0.7]))
def test_the_same_boxes_stay_as_with_torchvision(count: int, seed: int, overlap: float) -> None:
    rng = np.random.default_rng(seed)
    low = rng.random((count, 2)).astype(np.float32) * 60
    high = low + 5 + rng.random((count, 2)).astype(np.float32) * 40
    boxes = np.column_stack([low, high]).astype(np.float32)
    scores = (rng.permutation(count) / 64 + 0.1).astype(np.float32)  # no two alike: the order is decided
    wanted = nms(torch.from_numpy(boxes), torch.from_numpy(scores), overlap).numpy()
    assert _suppress(boxes, scores, overlap).tolist() == wanted.tolist()


def test_onnx_bytes_are_a_valid_file() -> None:
    rng = np.random.default_rng(0)
    kernel, bias = rng.random((200, 3, 3, 3)).astype(np.float32), rng.random(200).astype(np.float32)
    data = make_model(
        [make_node("Conv", ["image", "kernel", "bias"], "out", kernel_shape=[3, 3], strides=[2, 2])],
        {"kernel": kernel, "bias": bias},
        ("image", ("n", 3, 300, 9)),
        ("out", ("n", 200, "rows", 4)),
    )
    onnx.checker.check_model(onnx.load_from_string(data))
    images = rng.random((2, 3, 300, 9)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(
        None, {"image": images}
    )
    numbers, weight, shift = (torch.from_numpy(one) for one in (images, kernel, bias))
    wanted = torch.nn.functional.conv2d(numbers, weight, shift, stride=2)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
