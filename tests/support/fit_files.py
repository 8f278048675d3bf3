"""The options of ``fit`` as its command makes them: flags win over the file, both over the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facedata.options import read_toml
from facemodel.config import FitConfig
from facemodel.recipes import fit_config


def read_fit_config(file: Path | None, **typed: Any) -> FitConfig:
    """Return the options of a TOML file and flags."""
    return fit_config({**(read_toml(file) if file else {}), **typed})
