"""From photographs of people to a trainable face set in which every photo is accounted for.

::

    from facedata import prepare, open_set, find_crops, ClassManifest, PairManifest, TripletManifest

Names are looked up when they are first used, so that ``import facedata`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .late_names import late_names

if TYPE_CHECKING:
    from .checks.findings import Findings as Findings
    from .commands.check import check as check
    from .commands.crop import crop_set as crop_set
    from .commands.export import export_set as export_set
    from .commands.fix import fix_set as fix_set
    from .commands.forget import forget_set as forget_set
    from .commands.prepare import prepare as prepare
    from .commands.redraw import pairs_set as pairs_set
    from .commands.redraw import split_set as split_set
    from .commands.redraw import triplets_set as triplets_set
    from .commands.report import report_set as report_set
    from .commands.review import review_set as review_set
    from .config import CheckConfig as CheckConfig
    from .config import CropConfig as CropConfig
    from .config import ExportConfig as ExportConfig
    from .config import FixConfig as FixConfig
    from .config import ForgetConfig as ForgetConfig
    from .config import PairsConfig as PairsConfig
    from .config import PrepareConfig as PrepareConfig
    from .config import ReportConfig as ReportConfig
    from .config import ReviewConfig as ReviewConfig
    from .config import SplitConfig as SplitConfig
    from .config import TripletsConfig as TripletsConfig
    from .crops.find_crops import find_crops as find_crops
    from .crops.matrix import template_matrix as template_matrix
    from .errors import FacedataError as FacedataError
    from .photos.image import decode as decode
    from .sets.pairs_triplets import ClassManifest as ClassManifest
    from .sets.pairs_triplets import PairManifest as PairManifest
    from .sets.pairs_triplets import TripletManifest as TripletManifest
    from .sets.prepared import PreparedSet as PreparedSet
    from .sets.prepared import open_set as open_set

_HOMES = {
    "CheckConfig": "config",
    "ClassManifest": "sets.pairs_triplets",
    "CropConfig": "config",
    "ExportConfig": "config",
    "FacedataError": "errors",
    "Findings": "checks.findings",
    "FixConfig": "config",
    "ForgetConfig": "config",
    "PairManifest": "sets.pairs_triplets",
    "PairsConfig": "config",
    "PrepareConfig": "config",
    "PreparedSet": "sets.prepared",
    "ReportConfig": "config",
    "ReviewConfig": "config",
    "SplitConfig": "config",
    "TripletManifest": "sets.pairs_triplets",
    "TripletsConfig": "config",
    "check": "commands.check",
    "crop_set": "commands.crop",
    "decode": "photos.image",
    "export_set": "commands.export",
    "find_crops": "crops.find_crops",
    "fix_set": "commands.fix",
    "forget_set": "commands.forget",
    "open_set": "sets.prepared",
    "pairs_set": "commands.redraw",
    "prepare": "commands.prepare",
    "report_set": "commands.report",
    "review_set": "commands.review",
    "split_set": "commands.redraw",
    "template_matrix": "crops.matrix",
    "triplets_set": "commands.redraw",
}
"""Every public name, and the module it lives in."""

__all__ = sorted(_HOMES)

__getattr__, __dir__ = late_names(__name__, _HOMES)
