"""Ready models whose files are others, on a server of the test's: a row of the table with another pin."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from facemodel.models.ready.table import READY
from facemodel.spec import make_spec
from tests.support.local_server import Server
from tests.support.onnx_networks import MOBILEFACENET, colour_net
from tests.support.shared_data import SHARED

BASIS = "published for painted people"


def stand_in(patch: pytest.MonkeyPatch, server: Server, name: str, content: bytes, **changes: Any) -> None:
    """Let a name stand for another file, which the server has."""
    server.content = content
    row = READY[name]
    sha256 = hashlib.sha256(content).hexdigest()
    file = replace(row.file, url=server.remote.url, sha256=sha256)
    patch.setitem(READY, name, replace(row, file=file, size_bytes=len(content), **changes))


def colours_as_sface(patch: pytest.MonkeyPatch, server: Server, folder: Path) -> Path:
    """Let `sface` be a network that sees the mean colour of a crop; return its file, with a JSON beside."""
    net = colour_net(folder, threshold_basis=BASIS)
    values = {
        "size_px": 32, "template": "arcface112", "dim": 3, "mean": [0.0] * 3, "std": [1.0] * 3,
        "metric": "euclidean", "threshold": 0.1, "threshold_basis": BASIS,
    }  # fmt: skip
    stand_in(patch, server, "sface", net.read_bytes(), spec=make_spec(values, "the test"))
    return net


def mobilefacenet_as_sface(patch: pytest.MonkeyPatch, server: Server) -> None:
    """Let `sface` be the real network of the shared folder."""
    content = (SHARED / "weights" / "mobilefacenet_112_ms1m.onnx").read_bytes()
    spec = replace(make_spec(MOBILEFACENET, "the test"), threshold_basis="published for LFW")
    stand_in(patch, server, "sface", content, spec=spec)


def random_facenet(folder: Path) -> tuple[Path, InceptionResnetV1]:
    """Write facenet-pytorch's network with random weights as its authors publish theirs; return both."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = InceptionResnetV1(classify=True, num_classes=7)
    rng = np.random.default_rng(0)
    for name, value in network.state_dict().items():  # so that no layer is the identity
        if name.endswith(("running_mean", "running_var")):
            value.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, value.shape).astype(np.float32)))
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "facenet.pt")
    network.classify = False
    return folder / "facenet.pt", network.eval()
