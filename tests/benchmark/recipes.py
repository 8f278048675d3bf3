"""The recipes at equal terms: who tells people apart whom no recipe has seen?

python -m tests.benchmark.recipes [--jobs N] [--photos N] [--recipe NAME …]     (make bench-recipes)

The set is $FACEDATA_SHARED's LFW and CelebA together (people_sets). Each recipe trains with its own loss,
optimizer, rate and schedule (equal_terms) from two starts: a ResNet18 from scratch at 32 px, and
EfficientNet-Lite0 from ImageNet's weights at 48 px, which sees half as many photos, as it is slower. Figures
are of all pairs of photos of the test split, which `fit` never reads, at the epoch that validation people
chose; each is the mean over the seeds. Intervals hold 95% of the draws when the test people are drawn again.
A run is kept in the folder of --out, so what was killed continues.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from facedata import PreparedSet
from facemodel.recipes import FINETUNE, recipe_names
from tests.benchmark.equal_terms import INITS, Outcome, Terms, TestPairs, run_terms
from tests.benchmark.people_sets import make_people
from tests.benchmark.recipe_figures import FIGURES, Drawn, draw_groups, mean_of
from tests.support.shared_data import SHARED

PHOTOS = {"scratch": 40_000, "imagenet": 20_000}
FIRST = "default"


def run_all(terms: Sequence[Terms], faces: PreparedSet, folder: Path, jobs: int) -> dict[Terms, Outcome]:
    """Run or look up all, ``jobs`` at a time; each in a process of its own, with one thread."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), _one_thread) as pool:
        waiting = {one: pool.submit(run_terms, one, faces, folder) for one in terms}
        done = {}
        for one, future in waiting.items():
            done[one] = future.result()
            curve = done[one].curve
            print(
                f"{one}: best validation AUC {curve.max():.3f}, epoch {curve.argmax()}",
                file=sys.stderr,
                flush=True,
            )
    return done


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    logging.getLogger("facemodel").setLevel(logging.ERROR)


def group_runs(outcomes: dict[Terms, Outcome]) -> dict[str, dict[str, list[Outcome]]]:
    """Return the outcomes by start and recipe."""
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for terms, outcome in outcomes.items():
        groups.setdefault(terms.init, {}).setdefault(terms.recipe, []).append(outcome)
    return groups


def table(start: str, runs: dict[str, list[Outcome]], drawn: Drawn) -> list[str]:
    """Return the lines of one start's table: each recipe's figures, and what ``default`` leads by."""
    lines = [
        f"**{start}**", "",
        f"| recipe | {' | '.join(FIGURES)} | `{FIRST}` leads by AUC | by TAR at FAR 1e-2 | best epochs |",
        "|" + "---|" * (len(FIGURES) + 4),
    ]  # fmt: skip
    for name in sorted(runs, key=lambda one: -drawn.of(one)[0]):
        figures = " | ".join(_short(value) for value in drawn.of(name))
        lead = [""] * 2
        if FIRST in runs and name != FIRST:
            found, low, high = drawn.difference(FIRST, name)
            lead = [f"{_signed(found[i])} ({_signed(low[i])} … {_signed(high[i])})" for i in (0, 2)]
        epochs = ", ".join(str(one.curve.argmax()) for one in runs[name])
        lines.append(f"| `{name}` | {figures} | {' | '.join(lead)} | {epochs} |")
    return lines


def verdict(drawn: Drawn) -> list[str]:
    """Return, figure by figure, which recipe is best, and which beat ``default`` beyond the interval."""
    if FIRST not in drawn.names:
        return []
    lines = [""]
    for at, figure in enumerate(FIGURES):
        sign = -1 if figure == "EER" else 1
        best = max(drawn.names, key=lambda name: sign * drawn.of(name)[at])
        better = []
        for name in drawn.names:
            _, low, high = drawn.difference(FIRST, name)
            if name != FIRST and (high[at] < 0 if sign > 0 else low[at] > 0):
                better.append(f"`{name}`")
        beyond = ", ".join(better) or "none"
        lines.append(f"* {figure}: best is `{best}`; better than `{FIRST}` beyond the interval: {beyond}")
    return lines


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1).replace("-", "−")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe", action="append", choices=recipe_names(), help="only this one; may be repeated"
    )
    parser.add_argument("--init", action="append", choices=INITS, help="only this start; may be repeated")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--photos", type=int, default=PHOTOS["scratch"], help="photos seen from scratch; else half"
    )
    parser.add_argument(
        "--precision", default="fp32", help="of the network from scratch: bf16 where that is faster"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--draws", type=int, default=300, help="draws of people for an interval")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-out/recipes"), help="folder of the set and the runs"
    )
    parsed = parser.parse_args(arguments)
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED", file=sys.stderr)
        return 2
    os.environ["OMP_NUM_THREADS"] = "1"
    parsed.out.mkdir(parents=True, exist_ok=True)
    faces = make_people(parsed.out)
    terms = [
        Terms(recipe, init, seed, parsed.photos * PHOTOS[init] // PHOTOS["scratch"],
              parsed.precision if init == "scratch" else "fp32")
        for seed in range(parsed.seeds)
        for init in parsed.init or INITS
        for recipe in parsed.recipe or [name for name in recipe_names() if name != FINETUNE]
    ]  # fmt: skip
    groups = group_runs(run_all(terms, faces, parsed.out, parsed.jobs))
    pairs = TestPairs.of(faces)
    person = (pairs.person[pairs.left], pairs.person[pairs.right])
    every = []
    for start, runs in groups.items():
        drawn = draw_groups(
            {name: [o.likeness for o in some] for name, some in runs.items()}, person, parsed.draws
        )
        every.append(drawn)
        print("\n".join(["", *table(start, runs, drawn), *verdict(drawn)]), flush=True)
    if len(every) > 1:
        both = {name: [one for runs in groups.values() for one in runs[name]] for name in every[0].names}
        print("\n".join(["", *table("mean of both", both, mean_of(every)), *verdict(mean_of(every))]))
    minutes = sum(one.seconds for runs in groups.values() for some in runs.values() for one in some) / 60
    print(
        f"\n{parsed.seeds} seeds, {parsed.photos:,} photos seen; training took {minutes:.0f} minutes in all"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
