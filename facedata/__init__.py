"""From photographs of people to a trainable face set in which every photo is accounted for.

::

    from facedata import prepare, open_set, find_crops, ClassManifest, PairManifest, TripletManifest
"""

from __future__ import annotations

from .config import CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from .crops import find_crops
from .draw import pairs_set, split_set, triplets_set
from .errors import FacedataError
from .manifest import ClassManifest, PairManifest, TripletManifest
from .prepare import prepare
from .prepared import PreparedSet, open_set
from .recrop import crop_set

__all__ = [
    "ClassManifest",
    "CropConfig",
    "FacedataError",
    "PairManifest",
    "PairsConfig",
    "PrepareConfig",
    "PreparedSet",
    "SplitConfig",
    "TripletManifest",
    "TripletsConfig",
    "crop_set",
    "find_crops",
    "open_set",
    "pairs_set",
    "prepare",
    "split_set",
    "triplets_set",
]
