"""Train, evaluate and ship face-embedding models straight from the manifests that facedata makes.

::

    from facemodel import embed_set, enroll, evaluate, export_model, fit, identify, mine, open_model

Names are looked up when they are first used, so that ``import facemodel`` is quick and loads no torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import EmbedConfig as EmbedConfig
    from .config import EnrollConfig as EnrollConfig
    from .config import EvaluateConfig as EvaluateConfig
    from .config import ExportConfig as ExportConfig
    from .config import FitConfig as FitConfig
    from .config import IdentifyConfig as IdentifyConfig
    from .config import MineConfig as MineConfig
    from .embed import embed_set as embed_set
    from .embedder import Embedder as Embedder
    from .embedder import open_model as open_model
    from .enroll import enroll as enroll
    from .errors import FacemodelError as FacemodelError
    from .evaluate import evaluate as evaluate
    from .export import export_model as export_model
    from .fit import fit as fit
    from .gallery import Gallery as Gallery
    from .gallery import read_gallery as read_gallery
    from .identify import identify as identify
    from .info import model_info as model_info
    from .mining import mine as mine
    from .recipes import list_recipes as list_recipes
    from .recipes import load_recipe as load_recipe
    from .spec import InputSpec as InputSpec
    from .spec import read_spec as read_spec

_HOMES = {
    "EmbedConfig": "config", "Embedder": "embedder", "EnrollConfig": "config", "EvaluateConfig": "config",
    "ExportConfig": "config", "FacemodelError": "errors", "FitConfig": "config", "Gallery": "gallery",
    "IdentifyConfig": "config", "InputSpec": "spec", "MineConfig": "config", "embed_set": "embed",
    "enroll": "enroll", "evaluate": "evaluate", "export_model": "export", "fit": "fit",
    "identify": "identify", "list_recipes": "recipes", "load_recipe": "recipes", "mine": "mining",
    "model_info": "info", "open_model": "embedder", "read_gallery": "gallery", "read_spec": "spec",
}  # fmt: skip
"""Every public name, and the module it lives in."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """Keeps ``facemodel.fit`` the function: Python would make it the module, once that is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _HOMES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
