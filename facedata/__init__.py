"""From photographs of people to a trainable face set in which every photo is accounted for.

::

    from facedata import prepare, open_set, find_crops, ClassManifest, PairManifest, TripletManifest
"""

from __future__ import annotations

from .commands.crop import crop_set
from .commands.prepare import prepare
from .commands.redraw import pairs_set, split_set, triplets_set
from .config import CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from .crops.find_crops import find_crops
from .errors import FacedataError
from .photos.image import decode
from .sets.pairs_triplets import ClassManifest, PairManifest, TripletManifest
from .sets.prepared import PreparedSet, open_set

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
    "decode",
    "find_crops",
    "open_set",
    "pairs_set",
    "prepare",
    "split_set",
    "triplets_set",
]
