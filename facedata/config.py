"""Every option of every command, once: its name, default, meaning, and whether it shapes the set's bytes.

A ``setting`` goes into dataset.json and the fingerprint, and a rerun with another value is refused; a plain
``option`` may change from run to run. Options that several commands share are declared first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import UsageError
from .options import MAX_INT, Options, fingerprint_of, look_up, option, setting

TEMPLATES: dict[str, Any] = {
    "square": "facedata.crops.square:TEMPLATE",
    "arcface112": "facedata.crops.arcface112:TEMPLATE",
    "facenet160": "facedata.crops.facenet160:TEMPLATE",
}
"""Name → a :class:`facedata.crops.align.Template`, or its ``module:object``."""

SOURCES: dict[str, Any] = {
    "demo": "facedata.sources.demo:DEMO",
    "folder": "facedata.sources.folder:FOLDER",
    "table": "facedata.sources.table:TABLE",
    "celeba": "facedata.sources.celeba:CELEBA",
    "lfw": "facedata.sources.lfw:LFW",
    "imagefolder": "facedata.sources.foreign.imagefolder:IMAGEFOLDER",
    "webdataset": "facedata.sources.foreign.webdataset:WEBDATASET",
    "hf": "facedata.sources.foreign.hf:HF",
    "rec": "facedata.sources.foreign.rec:REC",
    "bin": "facedata.sources.foreign.bin:BIN",
}
"""Name → a :class:`facedata.sources.open.SourceKind`, or its ``module:object``."""

DETECTORS: dict[str, Any] = {
    "mtcnn": "facedata.detect.mtcnn.factory:MtcnnFactory",
    "yunet": "facedata.detect.one_shot.yunet_factory:YunetFactory",
    "retinaface": "facedata.detect.one_shot.retinaface_factory:RetinafaceFactory",
}
"""Name → a function of (smallest face in photo pixels, device) that returns a
:data:`facedata.detect.base.DetectorFactory`, or its ``module:object``."""

EXPORTS: dict[str, Any] = {
    "imagefolder": "facedata.exports.plain.imagefolder:IMAGEFOLDER",
    "webdataset": "facedata.exports.webdataset:WEBDATASET",
    "hf": "facedata.exports.hf:HF",
    "rec": "facedata.exports.rec:REC",
    "pairs-txt": "facedata.exports.plain.pairs_txt:PAIRS_TXT",
    "csv": "facedata.exports.plain.csv_tables:CSV",
    "coco": "facedata.exports.plain.coco:COCO",
}
"""Name → a :class:`facedata.exports.base.ExportFormat`, or its ``module:object``."""

_SPLIT_RULES = ("identity", "photo", "official")

SEARCH_OPTIONS = ("detector", "face", "min_score", "min_face", "weights", "device")
"""Options that finished crops (``--as-crops``) leave nothing to do."""

_TEMPLATE = setting("square", "how the face is placed in its crop", choices=TEMPLATES)
_SIZE = setting(
    None, "side of a crop in pixels (default: the template's own: 240, 112 or 160)", least=16, most=4096
)
_MARGIN = setting(
    0.0, "square template: enlarge the face box by this fraction of its size on every side", least=0, most=4
)
_SPLITS = setting("train=0.75,test=0.25", "the splits and their ratios", metavar="NAME=RATIO,…")
_STABLE = setting(
    False, "choose each person's split by hash alone: it never changes, but ratios are approximate"
)
_UNIFORM = setting(
    "people", "what has an equal chance in each draw: people, or photos", choices=("people", "photos")
)
_SEED = setting(0, "seed of all random choices", least=0)
_WORKERS = option(None, "worker processes (default: one per core, or all of the cluster's)", least=1)
_ENGINE = option("local", "where to work: on this machine or on a cluster", choices=("local", "dask", "ray"))
_ADDRESS = option(
    None, "address of a running Dask or Ray cluster (default: start one on this machine)", metavar="HOST:PORT"
)
_CACHE = option(
    None, "folder for downloads and unpacked archives (default: ~/.cache/facedata)", metavar="DIR"
)
_OVERWRITE = option(False, "delete the set in --out and start again")


@dataclass(frozen=True)
class PrepareConfig(Options):
    """The options of ``facedata prepare``."""

    kind: str = setting("folder", "where the photos come from", choices=SOURCES)
    detector: str = setting("mtcnn", "the network that finds the faces", choices=DETECTORS)
    face: str | None = setting(
        None,
        "which face to use when a photo has several (default: the source's own rule, else largest)",
        choices=("largest", "center", "score", "only"),
    )
    min_score: float = setting(0.9, "lowest score of a face, 0 to 1", least=0.0, most=1.0)
    min_face: float = setting(20.0, "smallest side of a face's box in photo pixels", least=1.0)
    turn: str = setting(
        "auto",
        "turn photos upright: by their EXIF data and, where that leaves the face lying or upside down, by "
        "trying the other turns (auto); by EXIF only; or never",
        choices=("auto", "exif", "never"),
    )
    max_pixels: int = setting(
        100_000_000, "skip photos with more pixels than this, without decoding them", least=1
    )
    template: str = _TEMPLATE
    size: int | None = _SIZE
    margin: float = _MARGIN
    as_crops: bool = setting(
        False,
        "the photos are finished crops of --template and --size: take them as they are, without looking for "
        "faces",
    )
    identity_from: str = setting(
        "parent",
        "what names the person in a photo: its folder (parent), its folder path (path), or the first group "
        "of a REGEX; hf: a COLUMN; webdataset: a key of the JSON, or a file's ending",
        metavar="parent|path|REGEX|COLUMN",
    )
    names: str = setting(
        "merge",
        "names that differ only by blanks or Unicode form are one person (merge), or all are kept apart "
        "(exact)",
        choices=("merge", "exact"),
    )
    box_format: str | None = setting(
        None,
        "table: how its boxes are written; relative means 0 to 1 (default: recognised, or refused if "
        "ambiguous)",
        choices=("xyxy", "xywh", "relative", "relative-xywh"),
    )
    reference: str | None = setting(
        None, "photos that match are reference photos, such as passport photos", metavar="GLOB"
    )
    exclude: str | None = setting(
        None, "a file that lists photos to leave out, one per line (globs allowed)", metavar="FILE", file=True
    )
    corrections: tuple[str, ...] = setting(
        (),
        "a file of corrections, as `facedata check` proposes them; several are applied in turn",
        metavar="FILE",
        file=True,
    )
    min_photos: int = setting(1, "leave out people with fewer kept photos", least=1)
    splits: str = _SPLITS
    split_by: str | None = setting(
        None,
        "what is split: people (identity), each person's photos (photo), or as the source says (official) "
        "(default: identity; official for LFW, and with --split-from)",
        choices=_SPLIT_RULES,
    )
    split_from: str | None = setting(
        None,
        "where the official split comes from: the first group of a REGEX on the photo's path, or a FILE of "
        "photo and split",
        metavar="REGEX|FILE",
        file=True,
    )
    stable: bool = _STABLE
    view: int = setting(1, "LFW: View 1 (train and test) or View 2 (ten folds)", least=1, most=2)
    seed: int = _SEED
    pairs: str | None = setting(
        None,
        "pairs per split: all, or a number (default: the official ones if there are any, else two per photo)",
        metavar="all|N",
    )
    triplets_per_photo: int = setting(10, "triplets per photo of a split", least=0)
    max_per_person: int | None = setting(
        None, "limit on one person's positive pairs, and on one person's triplets", least=1
    )
    store: str = setting(
        "folders",
        "how crops are stored: one file each (folders), or in WebDataset archives (tar)",
        choices=("folders", "tar"),
    )
    device: str = setting("auto", "where the detector runs", choices=("cpu", "cuda", "auto"))
    # not a setting: each detector accepts exactly one content, so the file cannot change the result
    weights: str | None = option(
        None,
        "a file with the weights of yunet or retinaface (default: downloaded once)",
        metavar="PATH",
        file=True,
    )
    lfw_images: str = option(
        "funneled", "which LFW to download when no source is given", choices=("original", "funneled")
    )
    licence: str | None = option(None, "the photos' licence, recorded in the set", metavar="TEXT")
    workers: int | None = _WORKERS
    engine: str = _ENGINE
    address: str | None = _ADDRESS
    cache: str | None = _CACHE
    strict: bool = option(False, "fail when a listed photo is not on disk, instead of only counting it")
    overwrite: bool = _OVERWRITE
    report: bool = option(True, "write a page to look at the set, report/index.html, at the end")

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        object.__setattr__(self, "splits", _canonical(self.splits))
        _refuse_local_address(self.engine, self.address)
        _refuse_stable_photos(self.stable, self.split_by)
        _refuse_margin(self.template, self.margin)
        if self.as_crops:
            _refuse_search_options(self)
        if self.view != 1 and self.kind != "lfw":
            raise UsageError(f"--view {self.view} is for LFW only; the source is {self.kind}")
        if self.box_format is not None and self.kind != "table":
            raise UsageError(f"--box-format {self.box_format} is for a table; the source is {self.kind}")
        count = "0" if self.pairs is None or self.pairs == "all" else self.pairs
        if not (count.isascii() and count.isdigit() and int(count[:20]) <= MAX_INT):
            raise UsageError(f"--pairs is {count!r}; it takes all or a number up to {MAX_INT}")


@dataclass(frozen=True)
class SplitConfig(Options):
    """The options of ``facedata split``."""

    splits: str = _SPLITS
    split_by: str = setting(
        "identity",
        "what is split: people (identity), each person's photos (photo), or as the source says (official)",
        choices=_SPLIT_RULES,
    )
    stable: bool = _STABLE
    seed: int = _SEED

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        object.__setattr__(self, "splits", _canonical(self.splits))
        _refuse_stable_photos(self.stable, self.split_by)


@dataclass(frozen=True)
class CropConfig(Options):
    """The options of ``facedata crop``; template, size and margin as in :class:`PrepareConfig`."""

    template: str = _TEMPLATE
    size: int | None = _SIZE
    margin: float = _MARGIN
    workers: int | None = _WORKERS
    engine: str = _ENGINE
    address: str | None = _ADDRESS
    cache: str | None = _CACHE
    overwrite: bool = _OVERWRITE

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        _refuse_local_address(self.engine, self.address)
        _refuse_margin(self.template, self.margin)


@dataclass(frozen=True)
class PairsConfig(Options):
    """The options of ``facedata pairs``."""

    strategy: str = setting(
        "random",
        "how to draw pairs: at random, with a reference photo on the left, all of them, the official ones, "
        "or those of --from (file)",
        choices=("random", "reference", "all", "official", "file"),
    )
    count: int | None = setting(None, "pairs per split (default: two per photo)", least=0, metavar="N")
    uniform: str = _UNIFORM
    max_per_person: int | None = setting(None, "limit on one person's positive pairs", least=1)
    seed: int = _SEED


@dataclass(frozen=True)
class TripletsConfig(Options):
    """The options of ``facedata triplets``."""

    strategy: str = setting(
        "random",
        "how to draw triplets: at random, with a reference photo as anchor, or all of them",
        choices=("random", "reference", "all"),
    )
    count: int | None = setting(
        None, "triplets per split (default: --per-photo times its photos)", least=0, metavar="N"
    )
    per_photo: int = setting(10, "triplets per photo of a split", least=0)
    uniform: str = _UNIFORM
    max_per_person: int | None = setting(None, "limit on the triplets whose anchor is one person", least=1)
    seed: int = _SEED


def _quality(threshold: float, quality: str) -> Any:
    """Declare where a kind of poor photo begins, on a scale from 0 at worst to 1 at best."""
    return setting(threshold, f"lowest {quality} that is not reported, 0 to 1", least=0, most=1)


@dataclass(frozen=True)
class CheckConfig(Options):
    """The options of ``facedata check``: what counts as a poor photo, and how to work.

    A quality is 0 at worst and 1 at best, with the unit that docs/check.md gives; a photo is reported where
    it is below the threshold.
    """

    blurred: float = _quality(0.28, "sharpness")
    dark: float = _quality(0.5, "not_dark")
    bright: float = _quality(0.15, "not_bright")
    flat: float = _quality(0.15, "contrast")
    small: float = _quality(0.2, "size")
    turned_away: float = _quality(0.4, "pose")
    cut_off: float = _quality(0.8, "uncut")
    straddling: float = _quality(0.5, "unshared")
    workers: int | None = option(None, "processes that read the crops (default: one per core)", least=1)

    def __post_init__(self) -> None:
        """Check each option's range."""
        super().__post_init__()


@dataclass(frozen=True)
class FixConfig(Options):
    """The options of ``facedata fix``."""

    workers: int | None = _WORKERS
    cache: str | None = _CACHE
    overwrite: bool = _OVERWRITE


@dataclass(frozen=True)
class ReportConfig(Options):
    """The options of ``facedata report``."""

    workers: int | None = option(None, "pictures made at a time (default: one per core)", least=1)
    cache: str | None = _CACHE


@dataclass(frozen=True)
class ExportConfig(Options):
    """The options of ``facedata export``."""

    to: str = option("imagefolder", "the format", choices=EXPORTS)
    split: str | None = option(None, "export this split only (default: all)", metavar="NAME")
    shard_mb: int = option(
        500, "hf, webdataset: size of a shard in megabytes, about", least=1, most=1_000_000, metavar="MB"
    )
    overwrite: bool = option(False, "replace the export in --out")


@dataclass(frozen=True)
class ReviewConfig(Options):
    """The options of ``facedata review``."""

    notes: bool = option(
        False, "show notes that propose nothing, too, such as blurred photos and look-alikes"
    )
    serve: bool = option(
        False, "serve the page on this machine, and write corrections.csv after each decision"
    )
    port: int = option(0, "port of --serve on 127.0.0.1; 0 for any that is free", least=0, most=65535)

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        if self.port and not self.serve:
            raise UsageError(f"--port {self.port} is for --serve: add --serve")


@dataclass(frozen=True)
class ForgetConfig(Options):
    """The options of ``facedata forget``."""

    photos: str | None = option(
        None,
        "a file that lists photos to forget, one per line, as the ledger has them",
        metavar="FILE",
        file=True,
    )
    dry_run: bool = option(False, "only say what would be forgotten, and which files change")
    runs: tuple[str, ...] = option(
        (), "a folder with runs of facemodel: list those that the people were in", metavar="DIR", file=True
    )
    galleries: tuple[str, ...] = option(
        (), "a gallery file to look for the people in", metavar="FILE", file=True
    )
    exports: tuple[str, ...] = option(
        (), "a folder with exports of the set: list those that the people are in", metavar="DIR", file=True
    )
    prove: tuple[str, ...] = option(
        (),
        "afterwards search all bytes below a folder for what is left of them, and say zero or where",
        metavar="DIR",
        file=True,
    )
    cache: str | None = _CACHE


ADDED_SETTINGS: dict[str, Any] = {
    "turn": "auto", "names": "merge", "box_format": None, "corrections": [], "as_crops": False,
}  # fmt: skip
"""Settings of ``prepare`` that came later, with their defaults: older sets were made as if with these, and a
set's fingerprint leaves them out while they have them, so that it is what it was."""


def complete_settings(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run recorded, with those that did not exist yet at their defaults."""
    return {**ADDED_SETTINGS, **recorded}


def settings_fingerprint(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a set's settings, lower-case hex; see :data:`ADDED_SETTINGS`.

    >>> settings_fingerprint({"size": 240, "turn": "auto"}) == settings_fingerprint({"size": 240})
    True
    """
    missing = object()
    return fingerprint_of(
        {name: value for name, value in settings.items() if value != ADDED_SETTINGS.get(name, missing)}
    )


def parse_splits(text: str) -> dict[str, float]:
    """Return the ratios of ``train=0.75,test=0.25`` in their order.

    Raises:
        UsageError: another form, a ratio that is not above 0, a name listed twice, or a sum other than 1.

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
            raise UsageError(f"--splits {text!r}: {name!r} cannot name a split; use letters, digits and _")
        if name in ratios:
            raise UsageError(f"--splits {text!r}: {name} is listed twice")
        if not 0 < ratio <= 1:
            raise UsageError(f"--splits {text!r}: the ratio of {name} must be above 0 and at most 1")
        ratios[name] = ratio
    if abs(sum(ratios.values()) - 1) > 1e-6:
        raise UsageError(f"--splits {text!r}: the ratios add up to {sum(ratios.values()):g}, not 1")
    return ratios


def _canonical(splits: str) -> str:
    """Return the ratios in one spelling, so that spaces and trailing zeros make no difference."""
    return ",".join(f"{name}={ratio}" for name, ratio in parse_splits(splits).items())


def _refuse_search_options(config: PrepareConfig) -> None:
    """Refuse options about faces in photos, at other values than their defaults, for finished crops."""
    usual = {field.name: field.default for field in fields(PrepareConfig)}
    for name in SEARCH_OPTIONS:
        value = getattr(config, name)
        if value not in (usual[name], "cpu"):
            raise UsageError(
                f"--{name.replace('_', '-')} {value} is about faces in photos, and with --as-crops none is "
                "looked for: drop one of the two"
            )


def _refuse_local_address(engine: str, address: str | None) -> None:
    if address is not None and engine == "local":
        raise UsageError(f"--address {address} is for a cluster: add --engine dask or --engine ray")


def _refuse_stable_photos(stable: bool, split_by: str | None) -> None:
    if stable and split_by == "photo":
        raise UsageError("--stable is for --split-by identity; --split-by photo has no hash thresholds")


def _refuse_margin(template: str, margin: float) -> None:
    if margin and not look_up(TEMPLATES, template).takes_margin:
        raise UsageError(f"--margin {margin:g}: the template {template} has a fixed margin; drop --margin")
