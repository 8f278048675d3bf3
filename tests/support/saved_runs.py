"""Runs that were never trained: what ``fit`` leaves, in a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from facemodel.config import FitConfig
from facemodel.models.saved import save_model
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import make_objective
from tests.support.people_set import people_set

GOALS: dict[str, dict[str, Any]] = {
    "triplets": {},
    "pairs": {"batches": "pairs", "loss": "bce"},
    "arcface": {"batches": "people", "loss": "arcface", "margin": 28.6},
    "closed": {"batches": "photos", "loss": "focal", "closed": True},
}


def write_run(folder: Path, goal: str = "triplets") -> Path:
    """Write a run of a set that lies beside it, as `fit` does, its weights random."""
    prepared = people_set(folder / "set", 4, 3)
    values = {"backbone": "timm:test_efficientnet", "size": 32, "dim": 8, "weights": "none", **GOALS[goal]}
    config = FitConfig(**values)
    model, _ = make_model(config, input_spec(config, prepared))
    model.spec = model.spec.with_threshold(1.5, "euclidean")
    run = folder / "run"
    (run / "state").mkdir(parents=True)
    (run / "state" / "settings.json").write_text(json.dumps({"set_path": str(folder / "set")}))
    save_model(run, "best", make_objective(config, model, ["Ana", "Bo"]))
    model.spec.write(run / "spec.json")
    return run
