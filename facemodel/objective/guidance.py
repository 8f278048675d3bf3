"""Learning from another model's embeddings: a term of the loss, beside that of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from ..network.model import use_seed


class Guidance(nn.Module):
    """Hold embeddings to those that finished models give the same photos.

    What is added to the loss is ``weight · mean(1 - cosine)`` for each model. Where its embeddings are longer
    or shorter than ours, ours are first multiplied by a matrix that is learnt: what our network knows must
    then contain what the other one does, in whatever directions. That matrix is dropped after training.
    Hinton, Vinyals and Dean, *Distilling the Knowledge in a Neural Network*, 2015, with embeddings in the
    place of logits, as in Romero et al., *FitNets*, 2014.

    Args:
        dim: length of our embeddings.
        guides: a name for each model → its weight and the length of its embeddings.
        seed: of the matrices' first values.

    Attributes:
        targets: the models' embeddings of the next batch's photos, set before each batch: of each model, in
            order, ``(N, width)`` float32.
    """

    def __init__(self, dim: int, guides: Mapping[str, tuple[float, int]], seed: int) -> None:
        super().__init__()
        self.weights = {name: weight for name, (weight, _) in guides.items()}
        self.targets: Sequence[Tensor] = ()
        with use_seed(seed, "guidance"):
            self.projections = nn.ModuleDict(
                {
                    name: nn.Identity() if width == dim else nn.Linear(dim, width, bias=False)
                    for name, (_, width) in guides.items()
                }
            )

    def forward(self, embeddings: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum for ``(N, dim)`` float32, and each model's mean, detached."""
        total, terms = embeddings.new_zeros(()), dict[str, Tensor]()
        for (name, project), target in zip(self.projections.items(), self.targets, strict=True):
            apart = (1 - nn.functional.cosine_similarity(project(embeddings), target)).mean()
            terms[name] = apart.detach()
            total = total + self.weights[name] * apart
        return total, terms
