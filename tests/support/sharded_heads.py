"""Sampled centres in two processes, for torchrun: python -m … SET FOLDER OPTIONS.

Writes ``head-RANK.safetensors``, losses and gradients of one batch, and the runs ``two`` (unbroken) and
``resumed`` (the same, resumed from its last checkpoint but one).
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, distributed

from facemodel import FitConfig, fit
from facemodel.machine.ranks import Ranks
from facemodel.machine.whole_batch import WholeBatch
from facemodel.objective.goals import Moment
from facemodel.objective.margin_goals import CosFaceGoal
from facemodel.training.checkpoint import checkpoint_files

DIM, CLASSES = 8, 30


def head_figures(ranks: Ranks, share: float, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return a batch's losses, the gradients of a linear network, and this process's centres' gradients.

    The network's gradients are the mean over the processes, as DistributedDataParallel makes it.
    """
    config = FitConfig(
        batches="people", loss="cosface", margin=0.35, scale=16.0, sample_classes=share, sub_centres=2,
        interclass_filter=0.6,
    )  # fmt: skip
    torch.manual_seed(0)
    network, images = torch.nn.Linear(5, DIM).to(dtype), torch.randn(11, 5).to(dtype)
    labels, goal = torch.randint(CLASSES, (11,)), CosFaceGoal(config, DIM, CLASSES, None)
    centres, goal.moment = goal.sampled, Moment(key=(4, 1, 2, 0))
    if centres is None:
        raise RuntimeError("the goal does not sample people")
    centres.place(torch.device("cpu"), ranks)
    centres.weights = centres.weights.detach().to(dtype).requires_grad_()
    whole, rows = WholeBatch(network, ranks), torch.arange(11)[:, None].numpy()
    whole.expect(rows)
    loss, terms = goal(network(images[whole.share(rows)]), labels)
    loss.backward()
    for weight in network.parameters():
        if ranks.world > 1 and weight.grad is not None:
            distributed.all_reduce(weight.grad)
            weight.grad /= ranks.world
    if network.weight.grad is None or centres.weights.grad is None:
        raise RuntimeError("the loss has no gradient")
    found = {"losses": terms["losses"].detach(), "accuracy": terms["accuracy"].double()}
    return {**found, "network": network.weight.grad, "centres": centres.weights.grad.to_dense()}


def main(faces: str, folder: str, options: str) -> None:
    warnings.simplefilter("error")
    distributed.init_process_group("gloo")
    try:
        ranks, runs, values = Ranks(distributed.get_rank(), 2), Path(folder), json.loads(options)
        heads = {
            f"{share:g}.{name}": value
            for share in (0.999, 0.4)
            for name, value in head_figures(ranks, share, torch.float64).items()
        }
        save_file(heads, runs / f"head-{ranks.rank}.safetensors")
        fit(faces, runs / "two", **values)
        if ranks.is_first:
            shutil.copytree(runs / "two", runs / "resumed")
            (runs / "resumed" / "state" / "done.json").unlink()
            checkpoint_files(runs / "resumed" / "state")[0].unlink()
        ranks.wait()
        fit(faces, runs / "resumed", **values, resume=True)
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
