"""Print what sampled centres cost and give, against all centres, as Markdown.

    make bench-heads                                       a quarter of an hour on one core
    python -m tests.benchmark.heads rates --device cuda    a minute on a GPU
    python -m tests.benchmark.heads figures --seeds 1      a first look

``figures``: a small network learns 10,000 made-up people, with all centres and with a share of them, in the
same batches. A person is a point in 24 dimensions; a photo is that point and a point of chance, mixed by a
fixed random layer. Judged are photos of these people that did not train (the loss over all centres, without
margin, and how many are named right: the network and its centres), and 1,000 people who did not train (AUC
and TAR at FAR 1e-3 over pairs: the network alone).

``rates``: a step at 10,000 and at 1,000,000 people: the head alone (forward, backward, optimizer), and with a
ResNet before it, on tensors in memory. On a CPU these are CPU seconds of one thread, which other programs
disturb less than the clock. Then the memory and time of such a step, reckoned for a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from facemodel.config import FitConfig
from facemodel.machine.ranks import ALONE
from facemodel.network.model import make_model
from facemodel.objective.goals import Moment
from facemodel.objective.margin_goals import CosFaceGoal, MarginGoal
from facemodel.scoring.metrics import roc
from facemodel.spec import InputSpec
from facemodel.training.trainer import make_optimizer
from tests.benchmark.speed import machine

_TRAITS, _WIDTH, _PHOTOS, _PAIRS = 24, 96, 8, 200_000
_STRANGERS = 1000


@dataclass(frozen=True)
class Plan:
    """Sizes of the figures' training."""

    people: int = 10_000
    dim: int = 64
    batch: int = 256
    photos_per_person: int = 4
    epochs: int = 8
    lr: float = 2e-3


class PaintedPeople:
    """Photos as numbers: ``(n, width)`` float32 of numbered people, the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.mix = torch.randn(2 * _TRAITS, _WIDTH, generator=self.generator) / _TRAITS**0.5

    def people(self, count: int) -> Tensor:
        return torch.randn(count, _TRAITS, generator=self.generator)

    def photos(self, people: Tensor, each: int) -> tuple[Tensor, Tensor]:
        """Return ``each`` photos of every person, and whom they show."""
        persons = torch.arange(len(people)).repeat_interleave(each)
        chance = torch.randn(len(persons), _TRAITS, generator=self.generator)
        return torch.tanh(torch.cat([people[persons], chance], 1) @ self.mix), persons


@dataclass(frozen=True)
class Figures:
    """What a training gave; the first two need the centres, which a run would not keep."""

    loss: float
    named: float
    auc: float
    tar: float


def config_of(share: float, plan: Plan) -> FitConfig:
    return FitConfig(
        batches="people", loss="cosface", margin=0.2, scale=24.0, dim=plan.dim, sample_classes=share,
        optimizer="adamw", lr=plan.lr, weight_decay=1e-4,
    )  # fmt: skip


def train(share: float, seed: int, plan: Plan) -> Figures:
    """Train and judge a small network on the painted people, on all centres (1.0) or a share."""
    world, config = PaintedPeople(), config_of(share, plan)
    people = world.people(plan.people)
    photos, persons = world.photos(people, _PHOTOS)
    held, held_persons = world.photos(people, 1)
    strangers = world.photos(world.people(_STRANGERS), 4)
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(_WIDTH, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, plan.dim, bias=False),
        nn.BatchNorm1d(plan.dim),
    )  # fmt: skip
    goal = CosFaceGoal(config, plan.dim, plan.people, None)
    if goal.sampled is not None:
        goal.sampled.place(torch.device("cpu"), ALONE)
    step = make_step(network, goal, config)
    total = plan.epochs * len(list(batches_of(plan, 0, 0)))
    for epoch in range(plan.epochs):
        for number, rows in enumerate(batches_of(plan, seed, epoch)):
            done = (epoch * total / plan.epochs + number) / total
            lr = plan.lr * (1 + np.cos(np.pi * done)) / 2
            step(photos[rows], persons[rows], (seed, epoch + 1, number, 0), lr)
    return judge(network.eval(), goal, (held, held_persons), strangers)


def batches_of(plan: Plan, seed: int, epoch: int) -> Iterator[Tensor]:
    """Yield an epoch's batches: every photo once, ``photos_per_person`` of a person together."""
    rng, each = np.random.default_rng([seed, epoch]), plan.photos_per_person
    photos = rng.permuted(np.arange(plan.people * _PHOTOS).reshape(-1, _PHOTOS), axis=1)
    for part in np.split(photos, _PHOTOS // each, axis=1):
        rows = part[rng.permutation(plan.people)].ravel()
        for start in range(0, len(rows) - plan.batch + 1, plan.batch):
            yield torch.from_numpy(rows[start : start + plan.batch])


def make_step(
    network: nn.Module, goal: MarginGoal, config: FitConfig
) -> Callable[[Tensor, Tensor, tuple[int, ...], float], None]:
    """Return what trains network and centres on a batch: inputs, labels, the batch's key, learning rate."""
    weights = [weight for weight in [*network.parameters(), *goal.parameters()] if weight.requires_grad]
    optimizers = [make_optimizer(config, weights)] if weights else []
    optimizers += [] if goal.sampled is None else [goal.sampled.optimizer]

    def step(inputs: Tensor, labels: Tensor, key: tuple[int, ...], lr: float) -> None:
        goal.moment = Moment(key=key)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = lr
            optimizer.zero_grad(set_to_none=True)
        goal(network(inputs), labels)[0].backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


@torch.no_grad()
def judge(
    network: nn.Module, goal: MarginGoal, held: tuple[Tensor, Tensor], strangers: tuple[Tensor, Tensor]
) -> Figures:
    """Judge a trained network by photos that did not train, of people who did and of people who did not."""
    centres = goal.head.W if goal.sampled is None else goal.sampled.weights.T
    unit = nn.functional.normalize(network(held[0]))
    logits = unit @ nn.functional.normalize(centres, dim=0) * goal.config.scale
    loss = nn.functional.cross_entropy(logits, held[1]).item()
    named = (logits.argmax(1) == held[1]).float().mean().item()
    embeddings, person = nn.functional.normalize(network(strangers[0])), strangers[1]
    rng = np.random.default_rng(7)
    left = rng.integers(len(person), size=_PAIRS)
    right = np.where(rng.random(_PAIRS) < 0.1, left // 4 * 4 + (left + rng.integers(1, 4, _PAIRS)) % 4,
                     rng.integers(len(person), size=_PAIRS))  # fmt: skip
    kept = left != right
    left, right = left[kept], right[kept]
    scores = (embeddings[left] * embeddings[right]).sum(1).double().numpy()
    curve = roc(scores, (person[left] == person[right]).numpy())
    return Figures(loss, named, curve.auc(), curve.tar_at_far(1e-3).tar or 0.0)


def figures_table(shares: Sequence[float], seeds: int, plan: Plan) -> list[str]:
    """Return the table of figures: mean and standard deviation over the seeds."""
    lines = [
        f"| of {plan.people:,} centres | loss over all | named right | AUC | TAR at FAR 1e-3 | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for share in shares:
        started = time.process_time()
        each = [train(share, seed, plan) for seed in range(seeds)]
        took = (time.process_time() - started) / seeds

        def spread(name: str, digits: int, each: list[Figures] = each) -> str:
            values = [getattr(one, name) for one in each]
            around = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
            return f"{statistics.mean(values):.{digits}f}{around}"

        lines.append(
            f"| {'all' if share == 1 else f'{share:g}'} | {spread('loss', 3)} | {spread('named', 4)} | "
            f"{spread('auc', 5)} | {spread('tar', 4)} | {took:.0f} |"
        )
    return lines


@dataclass(frozen=True)
class Rate:
    """Sizes of a step."""

    people: int
    share: float
    dim: int
    batch: int


def seconds_of(rate: Rate, device: torch.device, network: nn.Module | None, rounds: int) -> float:
    """Return the seconds of a step, the fastest of some: CPU seconds on a CPU."""
    config = config_of(rate.share, Plan(dim=rate.dim))
    goal = CosFaceGoal(config, rate.dim, rate.people, None).to(device)
    if goal.sampled is not None:
        goal.sampled.place(device, ALONE)
    labels = torch.randint(rate.people, (rate.batch,), device=device)
    inputs = torch.randn(rate.batch, rate.dim, device=device, requires_grad=network is None)
    if network is not None:
        inputs = torch.randn(rate.batch, 3, 64, 64, device=device)
    step = make_step(network or nn.Identity(), goal, config)
    clock, best = (time.perf_counter if device.type == "cuda" else time.process_time), float("inf")
    for number in range(rounds + 1):
        if device.type == "cuda":
            torch.cuda.synchronize()
        started = clock()
        step(inputs, labels, (0, 1, number, 0), 1e-3)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, clock() - started) if number else best  # the first one allocates
    return best


def rates_table(dim: int, batch: int, device: torch.device, rounds: int, people: Sequence[int]) -> list[str]:
    """Return the table of seconds a step at some numbers of people."""
    few, *more = people
    cases = [Rate(few, 1.0, dim, batch), Rate(few, 0.1, dim, batch)]
    cases += [Rate(many, share, dim, batch) for many in more for share in (0.1, 0.01)]
    lines = [
        f"| people | share | head, ms a step | with resnet18 at 64 px, ms | rate ÷ {few:,} people's, all |",
        "|---|---|---|---|---|",
    ]
    base = None
    for case in cases:
        head = seconds_of(case, device, None, rounds)
        config = FitConfig(
            backbone="resnet18", weights="none", size=64, dim=dim, batches="people", loss="cosface",
            margin=0.2,
        )  # fmt: skip
        model = make_model(config, InputSpec(size_px=64, template="square", dim=dim))[0].to(device)
        whole = seconds_of(case, device, model.train(), max(rounds // 2, 2))
        base = base or whole
        lines.append(
            f"| {case.people:,} | {case.share:g} | {head * 1e3:,.1f} | {whole * 1e3:,.1f} | "
            f"{base / whole:.2f} |"
        )
    return lines


def reckon(rate: Rate, backbone_ms: float, tflops: float, gbytes_s: float) -> tuple[float, float, float]:
    """Return a head's memory in GB, its milliseconds on a GPU, and the step's rate with ÷ without it.

    Memory: the centres and Adam's two averages; a step's rows (gathered, of length one, and the gradients of
    both), and cosines (as computed, as probabilities, their gradient). Time: three products (6 · batch · rows
    · dim operations), and the bytes of the rows (read or written 20 times) and of the cosines (12 times).

    Args:
        rate: sizes of the step.
        backbone_ms: milliseconds of the network alone.
        tflops: float32 operations that a product reaches, in 10¹² a second.
        gbytes_s: memory's bytes a second, in 10⁹.
    """
    rows = rate.people * rate.share
    table, some, cosines = 4e-9 * rate.people * rate.dim, 4e-9 * rows * rate.dim, 4e-9 * rows * rate.batch
    memory = 3 * table + 4 * some + 3 * cosines
    products_ms = 6e-9 * rate.batch * rows * rate.dim / tflops
    head_ms = products_ms + 1e3 * (20 * some + 12 * cosines) / gbytes_s
    return memory, head_ms, backbone_ms / (backbone_ms + head_ms)


def reckoned_lines(backbone_ms: float = 128.0) -> list[str]:
    """Return what a step would take on GPUs of 80 GB: ResNet50, 112 px, batch 512, 512 numbers.

    A network at 4,000 photos a second takes 128 ms for the batch; an A100 is taken at half of that. Products
    and memory reach 60% of what NVIDIA's data sheets say: H100 SXM 67 · 10¹² float32 operations and 3,350
    GB/s, A100 19.5 · 10¹² and 2,000 GB/s.
    """
    lines = [
        "| reckoned, not measured | head, GB | head, ms a step | rate with ÷ without it |",
        "|---|---|---|---|",
    ]
    for name, slower, tflops, gbytes_s in (("H100", 1, 67.0, 3350.0), ("A100", 2, 19.5, 2000.0)):
        for people, share in ((10_000, 1.0), (1_000_000, 0.1), (1_000_000, 1.0)):
            memory, head_ms, kept = reckon(
                Rate(people, share, 512, 512), slower * backbone_ms, 0.6 * tflops, 0.6 * gbytes_s
            )
            lines.append(
                f"| {name}, {people:,} people, {share:g} | {memory:.1f} | {head_ms:.1f} | {kept:.2f} |"
            )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", nargs="?", choices=("figures", "rates"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.3, 0.1])
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=6)
    asked, lines = parser.parse_args(arguments), list[str]()
    torch.set_num_threads(1)
    if asked.part != "rates":
        lines += [*figures_table(asked.shares, asked.seeds, Plan(epochs=asked.epochs)), ""]
    if asked.part != "figures":
        sizes = asked.dim, asked.batch, torch.device(asked.device), asked.rounds, asked.people
        lines += [*rates_table(*sizes), "", *reckoned_lines(), ""]
    print("\n".join([*lines, machine()]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
