"""A network that is a list of operators, run one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..kind import Block
from .operators import OPERATORS, Node

_OPENS_A_BLOCK = ("Conv", "Gemm", "MatMul")


class GraphNetwork(nn.Module):
    """Run the operators of a network in their order.

    ``forward`` takes what the network's input takes and gives its last node's output, flattened to
    ``(N, dim)``. A value is let go after its last use, as in a network that is written by hand.

    Args:
        nodes: the operators; each one's inputs are the input or come from nodes before it.

    Attributes:
        layers: a module for each node.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__()
        self.nodes = tuple(nodes)
        self.layers = nn.ModuleList(OPERATORS[node.op](node) for node in nodes)
        last = {value: number for number, node in enumerate(nodes) for value in node.inputs}
        self._done_with = [
            tuple({value for value in node.inputs if last[value] == number})
            for number, node in enumerate(nodes)
        ]

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's output, ``(N, dim)``."""
        values = {0: images}
        for node, layer, done in zip(self.nodes, self.layers, self._done_with, strict=True):
            values[node.output] = layer(*(values[number] for number in node.inputs))
            for number in done:
                del values[number]
        return values[self.nodes[-1].output].flatten(1)

    def blocks(self) -> list[Block]:
        """Return its blocks: a convolution or matrix product, and what follows until the next one."""
        parts: list[tuple[str, list[nn.Module]]] = [("input", [])]
        for number, (node, layer) in enumerate(zip(self.nodes, self.layers, strict=True)):
            if node.op in _OPENS_A_BLOCK and next(layer.parameters(), None) is not None:
                parts.append((f"{node.op.lower()}.{number}", []))
            parts[-1][1].append(layer)
        return [
            (name, nn.ModuleList(layers))
            for name, layers in parts
            if any(True for layer in layers for _ in layer.parameters())
        ]
