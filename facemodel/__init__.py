"""Train, evaluate and ship face-embedding models straight from the manifests that facedata makes.

::

    from facemodel import check, embed_set, enroll, evaluate, export_model, fit, identify, mine, open_model

Names are looked up when they are first used, so that ``import facemodel`` is quick and loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facedata.late_names import late_names

if TYPE_CHECKING:
    from .commands.check import check as check
    from .commands.compare import compare as compare
    from .commands.embed import embed_set as embed_set
    from .commands.enroll import enroll as enroll
    from .commands.evaluate import evaluate as evaluate
    from .commands.export import export_model as export_model
    from .commands.fit import fit as fit
    from .commands.identify import identify as identify
    from .commands.info import model_info as model_info
    from .commands.mine import mine as mine
    from .config import CheckConfig as CheckConfig
    from .config import CompareConfig as CompareConfig
    from .config import EmbedConfig as EmbedConfig
    from .config import EnrollConfig as EnrollConfig
    from .config import EvaluateConfig as EvaluateConfig
    from .config import ExportConfig as ExportConfig
    from .config import FitConfig as FitConfig
    from .config import ForgetConfig as ForgetConfig
    from .config import IdentifyConfig as IdentifyConfig
    from .config import MineConfig as MineConfig
    from .errors import FacemodelError as FacemodelError
    from .models.embedder import Embedder as Embedder
    from .models.embedder import open_model as open_model
    from .recipes import list_recipes as list_recipes
    from .recipes import load_recipe as load_recipe
    from .recognition.forget import forget_person as forget_person
    from .recognition.gallery import Gallery as Gallery
    from .recognition.gallery import read_gallery as read_gallery
    from .spec import InputSpec as InputSpec
    from .spec import read_spec as read_spec

_HOMES = {
    "CheckConfig": "config",
    "CompareConfig": "config",
    "EmbedConfig": "config",
    "Embedder": "models.embedder",
    "EnrollConfig": "config",
    "EvaluateConfig": "config",
    "ExportConfig": "config",
    "FacemodelError": "errors",
    "FitConfig": "config",
    "ForgetConfig": "config",
    "Gallery": "recognition.gallery",
    "IdentifyConfig": "config",
    "InputSpec": "spec",
    "MineConfig": "config",
    "check": "commands.check",
    "compare": "commands.compare",
    "embed_set": "commands.embed",
    "enroll": "commands.enroll",
    "evaluate": "commands.evaluate",
    "export_model": "commands.export",
    "fit": "commands.fit",
    "forget_person": "recognition.forget",
    "identify": "commands.identify",
    "list_recipes": "recipes",
    "load_recipe": "recipes",
    "mine": "commands.mine",
    "model_info": "commands.info",
    "open_model": "models.embedder",
    "read_gallery": "recognition.gallery",
    "read_spec": "spec",
}
"""Every public name, and the module it lives in."""

__all__ = sorted(_HOMES)

__getattr__, __dir__ = late_names(__name__, _HOMES)
