"""Every option of every command, once: its name, default, meaning, and whether it shapes the set's bytes.

An option marked ``shapes=True`` is part of the settings: it goes into dataset.json and the fingerprint, and a
rerun with another value is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import UsageError
from .options import MOST_WHOLE, Options, option

FACE_RULES = ("largest", "center", "score", "only")
TEMPLATES = ("square", "arcface112", "facenet160")
DETECTORS = ("mtcnn", "yunet", "retinaface")
STORES = ("folders", "tar")
ENGINES = ("local", "dask", "ray")
SPLIT_RULES = ("identity", "photo", "official")
STRATEGIES = ("random", "reference", "all", "official")
UNIFORM = ("people", "photos")


@dataclass(frozen=True)
class PrepareConfig(Options):
    """The options of ``facedata prepare``."""

    kind: str = option(
        "folder",
        "where the photos come from",
        shapes=True,
        choices=("demo", "folder", "table", "celeba", "lfw"),
    )
    detector: str = option("mtcnn", "which network finds the faces", shapes=True, choices=DETECTORS)
    face: str | None = option(
        None,
        "which face of several (default: the source's own rule, else largest)",
        shapes=True,
        choices=FACE_RULES,
    )
    min_score: float = option(0.9, "least score of a face, 0 to 1", shapes=True, least=0.0, most=1.0)
    min_face: float = option(20.0, "least side of a face's box, in photo pixels", shapes=True, least=1.0)
    max_pixels: int = option(
        100_000_000, "most pixels of a photo; larger ones are not decoded", shapes=True, least=1
    )
    template: str = option("square", "how a face lies in its crop", shapes=True, choices=TEMPLATES)
    size: int | None = option(
        None,
        "side of a crop in pixels (default: the template's own: 240, 112 or 160)",
        shapes=True,
        least=16,
        most=4096,
    )
    margin: float = option(
        0.0,
        "square: grow the box by this fraction of its side, on each side",
        shapes=True,
        least=0,
        most=4,
    )
    identity_from: str = option(
        "parent",
        "a photo's person: its folder (parent), its whole folder path (path), or a REGEX's first group",
        shapes=True,
        metavar="parent|path|REGEX",
    )
    reference: str | None = option(
        None, "photos that match are reference photos (passport photos)", shapes=True, metavar="GLOB"
    )
    exclude: str | None = option(
        None,
        "a file that lists photos to leave out, one a line (globs allowed)",
        shapes=True,
        metavar="FILE",
        file=True,
    )
    min_photos: int = option(1, "leave out people with fewer kept photos", shapes=True, least=1)
    splits: str = option(
        "train=0.75,test=0.25", "the splits and their ratios", shapes=True, metavar="NAME=RATIO,…"
    )
    split_by: str | None = option(
        None,
        "what is divided (default: identity; official for LFW, and with --split-from)",
        shapes=True,
        choices=SPLIT_RULES,
    )
    split_from: str | None = option(
        None,
        "official split of a folder's photos: a REGEX's first group, or a FILE of photo and split",
        shapes=True,
        metavar="REGEX|FILE",
        file=True,
    )
    stable: bool = option(
        False, "cut at hash thresholds: nobody ever moves, ratios are approximate", shapes=True
    )
    view: int = option(1, "LFW's View 1 (train, test) or View 2 (ten folds)", shapes=True, least=1, most=2)
    seed: int = option(0, "seed of every random choice", shapes=True, least=0)
    pairs: str | None = option(
        None,
        "pairs of a split: all, or how many (default: official ones where there are, else two a photo)",
        shapes=True,
        metavar="all|N",
    )
    triplets_per_photo: int = option(10, "triplets of a split, per photo", shapes=True, least=0)
    max_per_person: int | None = option(
        None, "most positive pairs, and most triplets, of one person", shapes=True, least=1
    )
    store: str = option(
        "folders", "how crops are kept: a file each, or WebDataset tars", shapes=True, choices=STORES
    )
    device: str = option("auto", "where the detector runs", shapes=True, choices=("cpu", "cuda", "auto"))
    # it shapes nothing: of each detector one content is accepted, wherever it lies
    weights: str | None = option(
        None,
        "a file with the weights of yunet or retinaface (default: downloaded once)",
        metavar="PATH",
        file=True,
    )
    lfw_images: str = option(
        "funneled", "which LFW to download when no source is given", choices=("original", "funneled")
    )
    licence: str | None = option(None, "the photos' licence, kept in dataset.json", metavar="TEXT")
    workers: int | None = option(
        None, "worker processes (default: one per core, or all of the cluster's)", least=1
    )
    engine: str = option("local", "where the work is done", choices=ENGINES)
    address: str | None = option(
        None, "a running Dask or Ray cluster (default: one is started here)", metavar="HOST:PORT"
    )
    cache: str | None = option(
        None, "folder for downloads and unpacked archives (default: ~/.cache/facedata)", metavar="DIR"
    )
    strict: bool = option(False, "a listed photo that is not on disk is an error, not only counted")
    overwrite: bool = option(False, "start afresh: the set that is there is removed first")

    def __post_init__(self) -> None:
        """Check the ranges, then what only several values together can tell."""
        super().__post_init__()
        object.__setattr__(self, "splits", _canonical(self.splits))
        _refuse_local_address(self.engine, self.address)
        _refuse_stable_photos(self.stable, self.split_by)
        _refuse_margin(self.template, self.margin)
        if self.view != 1 and self.kind != "lfw":
            raise UsageError(f"--view {self.view} is one of LFW's; the kind is {self.kind}")
        if self.pairs is not None and self.pairs != "all":
            _refuse_no_count(self.pairs)


@dataclass(frozen=True)
class SplitConfig(Options):
    """The options of ``facedata split``."""

    splits: str = option(
        "train=0.75,test=0.25", "the splits and their ratios", shapes=True, metavar="NAME=RATIO,…"
    )
    split_by: str = option("identity", "what is divided", shapes=True, choices=SPLIT_RULES)
    stable: bool = option(
        False, "cut at hash thresholds: nobody ever moves, ratios are approximate", shapes=True
    )
    seed: int = option(0, "seed of the ranking", shapes=True, least=0)

    def __post_init__(self) -> None:
        """Check the ranges, then what only several values together can tell."""
        super().__post_init__()
        object.__setattr__(self, "splits", _canonical(self.splits))
        _refuse_stable_photos(self.stable, self.split_by)


@dataclass(frozen=True)
class CropConfig(Options):
    """The options of ``facedata crop``; the three that shape a set as in :class:`PrepareConfig`."""

    template: str = option("square", "how a face lies in its crop", shapes=True, choices=TEMPLATES)
    size: int | None = option(
        None,
        "side of a crop in pixels (default: the template's own: 240, 112 or 160)",
        shapes=True,
        least=16,
        most=4096,
    )
    margin: float = option(
        0.0,
        "square: grow the box by this fraction of its side, on each side",
        shapes=True,
        least=0,
        most=4,
    )
    workers: int | None = option(
        None, "worker processes (default: one per core, or all of the cluster's)", least=1
    )
    engine: str = option("local", "where the work is done", choices=ENGINES)
    address: str | None = option(
        None, "a running Dask or Ray cluster (default: one is started here)", metavar="HOST:PORT"
    )
    cache: str | None = option(
        None, "folder for downloads and unpacked archives (default: ~/.cache/facedata)", metavar="DIR"
    )
    overwrite: bool = option(False, "start afresh: the set that is there is removed first")

    def __post_init__(self) -> None:
        """Check the ranges, then what only several values together can tell."""
        super().__post_init__()
        _refuse_local_address(self.engine, self.address)
        _refuse_margin(self.template, self.margin)


@dataclass(frozen=True)
class PairsConfig(Options):
    """The options of ``facedata pairs``."""

    strategy: str = option("random", "how pairs are drawn", shapes=True, choices=STRATEGIES)
    count: int | None = option(
        None, "pairs per split (default: two a photo)", shapes=True, least=0, metavar="N"
    )
    uniform: str = option(
        "people", "draw uniformly over people, or over photos", shapes=True, choices=UNIFORM
    )
    max_per_person: int | None = option(None, "most positive pairs of one person", shapes=True, least=1)
    seed: int = option(0, "seed of the drawing", shapes=True, least=0)


@dataclass(frozen=True)
class TripletsConfig(Options):
    """The options of ``facedata triplets``."""

    strategy: str = option(
        "random", "how triplets are drawn", shapes=True, choices=("random", "reference", "all")
    )
    count: int | None = option(
        None, "triplets per split (default: --per-photo times its photos)", shapes=True, least=0, metavar="N"
    )
    per_photo: int = option(10, "triplets per photo of a split", shapes=True, least=0)
    uniform: str = option(
        "people", "draw uniformly over people, or over photos", shapes=True, choices=UNIFORM
    )
    max_per_person: int | None = option(
        None, "most triplets whose anchor is one person", shapes=True, least=1
    )
    seed: int = option(0, "seed of the drawing", shapes=True, least=0)


def parse_splits(text: str) -> dict[str, float]:
    """Return the ratios of ``train=0.75,test=0.25`` in their order.

    Raises:
        UsageError: not of that form, a ratio not above 0, a name twice, or a sum other than 1.

    >>> parse_splits("train=0.8,val=0.1,test=0.1")
    {'train': 0.8, 'val': 0.1, 'test': 0.1}
    """
    ratios: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        try:
            ratio = float(number)
        except ValueError:
            raise UsageError(f"--splits {text!r}: {part.strip()!r} is not NAME=RATIO") from None
        if not name.isidentifier():
            raise UsageError(f"--splits {text!r}: {name!r} is no name for a split; use letters, digits and _")
        if name in ratios:
            raise UsageError(f"--splits {text!r}: {name} stands twice")
        if not 0 < ratio <= 1:
            raise UsageError(f"--splits {text!r}: the ratio of {name} must be above 0 and at most 1")
        ratios[name] = ratio
    if abs(sum(ratios.values()) - 1) > 1e-6:
        raise UsageError(f"--splits {text!r}: the ratios add up to {sum(ratios.values()):g}, not 1")
    return ratios


def _canonical(splits: str) -> str:
    """Return the one text that stands for these ratios, so that spaces and zeros make no other settings."""
    return ",".join(f"{name}={ratio}" for name, ratio in parse_splits(splits).items())


def _refuse_no_count(pairs: str) -> None:
    if not (pairs.isascii() and pairs.isdigit() and int(pairs[:20]) <= MOST_WHOLE):
        raise UsageError(f"--pairs is {pairs!r}; it takes all or a number up to {MOST_WHOLE}")


def _refuse_local_address(engine: str, address: str | None) -> None:
    if address is not None and engine == "local":
        raise UsageError(f"--address {address} is for a cluster: add --engine dask or --engine ray")


def _refuse_stable_photos(stable: bool, split_by: str | None) -> None:
    if stable and split_by == "photo":
        raise UsageError("--stable is for --split-by identity; --split-by photo has no hash thresholds")


def _refuse_margin(template: str, margin: float) -> None:
    if margin and template != "square":
        raise UsageError(f"--margin {margin:g}: the template {template} has its own; leave --margin away")
