"""Each operator gives the numbers of onnxruntime; what is not known is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from facedata import decode
from facemodel.batches.to_input import ToInput
from facemodel.errors import ArchitectureError
from facemodel.models.embedder import open_model
from facemodel.network.started.graph import GraphNetwork
from facemodel.network.started.network import StartedNetwork
from facemodel.network.started.operators import OPERATORS
from facemodel.network.started.read_onnx import read_onnx
from facemodel.training.finetune.open_start import open_start
from tests.support.onnx_networks import mobilefacenet
from tests.support.shared_data import SHARED
from tests.support.trainable_onnx import DIM, SIDE, Step, face_net, node_net, normal, whole

CONV: Step = ("Conv", {"pads": [1, 1, 1, 1], "strides": [2, 2]}, {"w": normal(8, 3, 3, 3), "b": normal(8)})
END: list[Step] = [
    ("GlobalAveragePool", {}, {}), ("Flatten", {}, {}),
    ("Gemm", {"transB": 1}, {"w": normal(DIM, 8, seed=5)}),
]  # fmt: skip
HALF = np.array(0.5, np.float32)
ROWS: list[Step] = [("Flatten", {}, {}), ("Gemm", {}, {"w": normal(1152, DIM)})]

NETWORKS: dict[str, list[Step]] = {
    "residual": [CONV, ("Relu", {}, {}), ("Add", {}, {"again": whole(0)}), *END],
    "clip": [CONV, ("Clip", {}, {"low": np.array(0, np.float32), "high": np.array(0.4, np.float32)}), *END],
    "sigmoid product": [CONV, ("Sigmoid", {}, {}), ("Mul", {}, {"again": whole(0)}), *END],
    "scalars": [
        ("Sub", {}, {"c": HALF}), ("Mul", {}, {"c": HALF}), ("Div", {}, {"c": HALF}), CONV,
        ("Pow", {}, {"c": np.array(2, np.float32)}), ("Sub", {}, {"first": HALF}), *END,
    ],
    "per channel": [
        ("Sub", {}, {"c": normal(1, 3, 1, 1)}), CONV, ("Mul", {}, {"c": normal(1, 8, 1, 1)}), *END,
    ],
    "leaky, elu, tanh, hard": [
        CONV, ("LeakyRelu", {"alpha": 0.2}, {}), ("Elu", {}, {}), ("Tanh", {}, {}), ("HardSigmoid", {}, {}),
        ("HardSwish", {}, {}), *END,
    ],
    "pools": [
        CONV, ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, {}),
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [1, 1], "pads": [1, 1, 1, 1]}, {}), *END,
    ],
    "uneven padding": [
        ("Conv", {"pads": [0, 1, 2, 3]}, {"w": normal(8, 3, 3, 3)}),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}, {}),
        ("Pad", {}, {"pads": whole(0, 0, 1, 0, 0, 0, 2, 1)}), *END,
    ],
    "mean and matrix": [
        CONV, ("ReduceMean", {"axes": [2, 3], "keepdims": 0}, {}), ("MatMul", {}, {"w": normal(8, DIM)}),
        ("Add", {}, {"b": normal(DIM)}),
    ],
    "shapes": [
        CONV, ("Transpose", {"perm": [0, 2, 3, 1]}, {}), ("Reshape", {}, {"shape": whole(-1, 1152)}),
        ("Unsqueeze", {}, {"axes": whole(1)}), ("Squeeze", {}, {"axes": whole(1)}),
        ("Gemm", {}, {"w": normal(1152, DIM)}), ("Identity", {}, {}), ("Dropout", {}, {}),
    ],
    "reshape that keeps": [CONV, ("Reshape", {}, {"shape": whole(0, -1)}), *ROWS[1:]],
    "length one": [CONV, *ROWS, ("LpNormalization", {"axis": 1, "p": 2}, {})],
    "batch norm of rows": [
        CONV, *ROWS,
        ("BatchNormalization", {}, {k: np.abs(normal(DIM, seed=n)) + 0.1 for n, k in enumerate("sbmv")}),
    ],
    "prelu of one slope": [CONV, ("PRelu", {}, {"s": np.full((1, 1, 1), 0.1, np.float32)}), *END],
    "concat": [CONV, ("Concat", {"axis": 1}, {"again": whole(0)}), ("GlobalAveragePool", {}, {}),
               ("Flatten", {}, {}), ("Gemm", {"transB": 1, "alpha": 0.5, "beta": 2.0},
                                     {"w": normal(DIM, 16), "b": normal(DIM)})],
    "dilated groups": [CONV, ("Conv", {"dilations": [2, 2], "group": 4}, {"w": normal(8, 2, 3, 3)}), *END],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_operators_give_the_numbers_of_onnxruntime(name: str, tmp_path: Path) -> None:
    path = node_net(tmp_path, NETWORKS[name])
    read = read_onnx(path, "x", "embedding")
    network = GraphNetwork(read.nodes).eval()
    network.load_state_dict(dict(read.tensors))
    images = np.random.default_rng(0).normal(size=(3, 3, SIDE, SIDE)).astype(np.float32)
    (want,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
        None, {"x": images}
    )
    with torch.inference_mode():
        np.testing.assert_allclose(network(torch.from_numpy(images)).numpy(), want, rtol=1e-5, atol=2e-6)


def test_each_operator_of_the_table_has_been_compared() -> None:
    compared = {op for steps in NETWORKS.values() for op, _, _ in steps}
    simple = {
        "Sqrt",
        "Exp",
        "Abs",
        "Neg",
        "Softplus",
        "Erf",
        "Reciprocal",
        "Cast",
        "GlobalMaxPool",
        "ReduceL2",
        "Softmax",
    }
    assert set(OPERATORS) - simple <= compared


def test_weights_train_and_constants_before_the_first_layer_stay(tmp_path: Path) -> None:
    read = read_onnx(node_net(tmp_path, NETWORKS["per channel"]), "x", "embedding")
    network = GraphNetwork(read.nodes)
    assert [name for name, _ in network.named_parameters()] == [
        "layers.1.weight", "layers.1.bias", "layers.2.value", "layers.5.weight",
    ]  # fmt: skip
    assert [name for name, _ in network.named_buffers()] == ["layers.0.value"]
    assert [name for name, _ in network.blocks()] == ["conv.1", "gemm.5"]


def test_a_network_for_one_image_takes_many(tmp_path: Path) -> None:
    steps: list[Step] = [CONV, ("Reshape", {}, {"shape": whole(1, -1)}), ROWS[1]]
    path = node_net(tmp_path, steps, batch=1)
    network = GraphNetwork((read := read_onnx(path, "x", "embedding")).nodes).eval()
    network.load_state_dict(dict(read.tensors))
    images = torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    want = np.concatenate([session.run(None, {"x": one[None].numpy()})[0] for one in images])
    with torch.inference_mode():
        np.testing.assert_allclose(network(images).numpy(), want, rtol=1e-5, atol=2e-5)


def test_an_unknown_operator_is_refused_by_name(tmp_path: Path) -> None:
    path = node_net(tmp_path, [CONV, ("Round", {}, {}), *END])
    with pytest.raises(
        ArchitectureError, match=r"n1 is the operator Round, which is not known here.*--teacher"
    ):
        read_onnx(path, "x", "embedding")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (("Conv", {"auto_pad": "SAME_UPPER"}, {"w": normal(8, 8, 3, 3)}), "padding by auto_pad SAME_UPPER"),
        (("AveragePool", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}, {}), "another padding on each side"),
        (("Pad", {"mode": "edge"}, {"pads": whole(0, 0, 1, 1, 0, 0, 1, 1)}), "Pad with the mode edge"),
    ],
)
def test_an_unknown_use_is_refused(step: Step, message: str, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=f"its node n1 has .*{message}"):
        read_onnx(node_net(tmp_path, [CONV, step, *END]), "x", "embedding")


def test_old_attributes_and_numbers_of_16_bits(tmp_path: Path) -> None:
    steps: list[Step] = [CONV, ("Clip", {"min": 0.0, "max": 0.3}, {}), ("Dropout", {"ratio": 0.4}, {}), *END]
    path = node_net(tmp_path, steps, opset=10)
    read = read_onnx(path, "x", "embedding")
    assert dict(read.nodes[1].options) == {"min": 0.0, "max": pytest.approx(0.3)}
    halves: list[Step] = [
        ("Cast", {"to": 1}, {}), CONV, *END[:-1],
        ("Gemm", {"transB": 1}, {"w": normal(DIM, 8).astype(np.float16)}),
    ]  # fmt: skip
    read = read_onnx(node_net(tmp_path, halves, name="half"), "x", "embedding")
    assert {value.dtype for value in read.tensors.values()} == {torch.float32}


def test_the_little_face_network_has_blocks_and_statistics(tmp_path: Path) -> None:
    read = read_onnx(face_net(tmp_path), "x", "embedding")
    network = GraphNetwork(read.nodes)
    assert [name for name, _ in network.blocks()] == ["conv.0", "conv.3", "gemm.7"]
    assert isinstance(network.layers[1], torch.nn.BatchNorm2d)
    assert torch.equal(read.tensors["layers.1.running_mean"], torch.from_numpy(normal(8, seed=2)))


@pytest.mark.skipif(not (SHARED / "weights").is_dir(), reason=f"no real network at {SHARED}")
def test_mobilefacenet_gives_the_numbers_of_onnxruntime_on_photos(tmp_path: Path) -> None:
    photos = sorted((SHARED / "data" / "lfw" / "lfw-deepfunneled").glob("*/*_0001.jpg"))[:6]
    crops = np.stack([decode(photo.read_bytes())[70:182, 70:182] for photo in photos])
    embedder = open_model(mobilefacenet(tmp_path / "net"), "cpu")
    start = open_start(embedder)
    network = StartedNetwork(start.graph).eval()
    network.fill(start.tensors, "it")
    with torch.inference_mode():
        ours = network(ToInput(start.spec)(crops)).numpy()
    np.testing.assert_allclose(ours, embedder.embed(crops), atol=1e-5)
