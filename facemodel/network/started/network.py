"""The network of a model that a run starts from. It brings its own description, so no file is needed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facedata.errors import UsageError

from ...errors import ArchitectureError, NewerVersionError
from ...spec import InputSpec, make_spec
from ..backbones import Backbone, make_backbone
from ..heads import EmbeddingHead, HeadPlan
from ..kind import BackboneKind, Block
from ..pretrained import Pretrained, check_fit
from .graph import GraphNetwork
from .operators import Node

STARTED = "start"
"""The backbone's name in the options of a run that starts from a model."""

GRAPH = "backbone.graph"
"""The description's name in the state of a :class:`~facemodel.network.model.FaceModel`."""

VERSION = 1
"""Of the description; one with a higher version is refused."""


@dataclass(frozen=True, eq=False)
class Start:
    """A model to start from.

    Attributes:
        graph: its description, as :func:`describe` makes it.
        tensors: its weights, by the names of :class:`StartedNetwork`'s ``net``.
        pretrained: what it is, for the log, the run's files and its card.
    """

    graph: Tensor
    tensors: Mapping[str, Tensor]
    pretrained: Pretrained

    @property
    def spec(self) -> InputSpec:
        """What its images must be, and what its embeddings mean; without a threshold."""
        return described_spec(self.graph)


def describe(spec: InputSpec, network: Mapping[str, Any]) -> Tensor:
    """Return a description as a tensor, so that it lies, and is hashed, with the weights.

    Args:
        spec: the model's input spec.
        network: ``nodes``, of an ONNX network; or ``backbone``, ``size`` and ``head``, of a run's.

    Returns:
        ``(n,)`` uint8, JSON in UTF-8.
    """
    bare = dataclasses.replace(spec, set_fingerprint=None).with_threshold(None, spec.metric)
    values = {"version": VERSION, "spec": json.loads(bare.to_json()), **network}
    text = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
    return torch.from_numpy(np.frombuffer(text, np.uint8).copy())


def describe_nodes(spec: InputSpec, nodes: tuple[Node, ...]) -> Tensor:
    """Return the description of a network of operators."""
    return describe(spec, {"nodes": [dataclasses.asdict(node) for node in nodes]})


def describe_backbone(spec: InputSpec, backbone: str, head: HeadPlan) -> Tensor:
    """Return the description of a backbone with an embedding head."""
    return describe(spec, {"backbone": backbone, "head": dataclasses.asdict(head)})


def described_spec(graph: Tensor) -> InputSpec:
    """Return the input spec in a description.

    Raises:
        ArchitectureError: it is damaged.
        NewerVersionError: a later facemodel wrote it.
    """
    return make_spec(_read(graph)["spec"], "of the model that the run starts from")


def started_kind(graph: Tensor) -> BackboneKind:
    """Return what is known of a described network, as of any backbone.

    Raises:
        ArchitectureError: the description is damaged.
        NewerVersionError: a later facemodel wrote it.
    """
    spec = described_spec(graph)
    return BackboneKind(
        spec.dim,
        lambda dropout: StartedNetwork(graph),
        lambda network: network.blocks(),
        spec.size_px,
        None,
        mean=spec.mean,
        std=spec.std,
        embeds=True,
    )


class StartedNetwork(nn.Module):
    """A described network with random weights.

    ``forward`` takes ``(N, 3, size, size)`` as the description's spec says, gives ``(N, dim)``.

    Args:
        graph: the description.

    Attributes:
        graph: a buffer; it is saved, hashed and restored with the weights.
        net: the network.
    """

    graph: Tensor

    def __init__(self, graph: Tensor) -> None:
        super().__init__()
        values = _read(graph)
        self.register_buffer("graph", graph.detach().cpu().clone())
        try:
            self.net: GraphNetwork | _Headed = (
                GraphNetwork([Node(**node) for node in values["nodes"]])
                if "nodes" in values
                else _Headed(
                    make_backbone(values["backbone"], values["spec"]["size_px"]),
                    EmbeddingHead(HeadPlan(**{**values["head"], "hidden": tuple(values["head"]["hidden"])})),
                )
            )
        except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, UsageError) as error:
            raise _damaged(error) from error

    def fill(self, tensors: Mapping[str, Tensor], where: str) -> None:
        """Copy weights into the network.

        Raises:
            ArchitectureError: names or shapes differ.
        """
        check_fit(self.net.state_dict(), tensors, f"{where} is of another network")
        self.net.load_state_dict(dict(tensors), strict=False)

    def blocks(self) -> list[Block]:
        """Return its blocks in the order in which an image passes them."""
        return self.net.blocks()

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings."""
        embeddings: Tensor = self.net(images)
        return embeddings


class _Headed(nn.Module):
    """A backbone and its embedding head."""

    def __init__(self, backbone: Backbone, head: EmbeddingHead) -> None:
        super().__init__()
        self.backbone, self.head = backbone.module, head
        self._blocks = backbone.blocks

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings."""
        embeddings: Tensor = self.head(self.backbone(images))
        return embeddings

    def blocks(self) -> list[Block]:
        """Return the backbone's blocks, and the head where it has weights."""
        has_weights = next(self.head.parameters(), None) is not None
        return [*self._blocks, *([("embedding", self.head)] if has_weights else [])]


def _read(graph: Tensor) -> dict[str, Any]:
    """Return a description's values."""
    try:
        values: dict[str, Any] = json.loads(bytes(graph.cpu().numpy()).decode())
        version = values["version"]
        if not isinstance(values["spec"], dict):
            raise TypeError("it has no spec")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(error) from error
    if type(version) is not int or version > VERSION:
        raise NewerVersionError(
            f"the network is described in version {version}, and this facemodel knows up to {VERSION}: "
            "update it"
        )
    return values


def _damaged(error: Exception) -> ArchitectureError:
    said = str(error).splitlines() or [type(error).__name__]
    return ArchitectureError(f"the description of the network is damaged: {said[0]}")
