"""Every option of every facemodel command, declared once: its name, default and meaning.

An option of ``fit`` declared with ``setting`` shapes the trained weights: ``--resume`` refuses another value
of it. Options that several commands share come first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from facedata.config import CheckConfig as SetCheckConfig
from facedata.errors import UsageError
from facedata.options import Options, option, setting

from .loss_table import LOSSES, Loss

BATCHES = ("triplets", "pairs", "photos", "people")
DISTANCES = ("euclidean", "squared", "mean-squared", "cosine")
SCHEDULES = ("constant", "step", "cosine", "restarts", "one-cycle")
AUTO, PRECISIONS = "auto", ("fp32", "bf16", "fp16")
GUARDS = ("overfitting", "collapse", "divergence")
ADAPTABLE = ("loss", "miner", "margin", "scale", "lr", "batch", "photos_per_person", "freeze")
"""Options that ``--adapt`` takes: :mod:`facemodel.recipe_choice` knows how to choose them."""

TAKEN_FROM_START = ("backbone", "weights", "hidden", "dim", "dropout", "normalised", "size")
"""Options of `fit` that a run with ``--start`` takes from the model it starts from, whatever they are."""

FORMATS: dict[str, Any] = {
    "onnx": "facemodel.models.to_onnx:FORMAT",
    "tflite": "facemodel.models.to_tflite:FORMAT",
    "torchscript": "facemodel.models.to_torchscript:FORMAT",
}
"""Name → :class:`facemodel.models.formats.Format`, or ``module:name`` (:func:`facedata.options.look_up`)."""

_LEAST_RATE = 1e-12
"""Lower limit of learning rates and of ``--clip``: with 0 nothing would learn."""

_MOST_CANDIDATES = 100_000
_MOST_SHARED = "default: ten times the average, at least ten"
_MOST_ROWS = 1_000_000_000
_RENAMED = {"max_per_negative": "per_negative"}
_FARTHER = "a negative is at least so much less similar to the anchor than the positive, or so much farther"
_MOST_SIMILAR = "no negative is more similar to the anchor than this, or, by distance, nearer than this"
_SKIPPED = "leave out so many candidates that are nearest to the anchor"
_SUSPECTS = "take negatives too that may show the anchor's own person, by likeness or by `facemodel check`"

_FLIP = setting(False, "embed each crop's mirror image too, and take the mean")
_BATCH = option(64, "crops in a batch", least=1)
_DEVICE = option("auto", "where to run", metavar="auto|cpu|cuda|cuda:N")
_WORKERS = option(None, "threads that decode crops (default: one per core)", least=1)
_SEED = setting(0, "seed of all random choices", least=0)
_WEIGHTS = option(
    None, "a file with the ready model's weights (default: downloaded once)", metavar="PATH", file=True
)
_CUT = option(
    False,
    "if the set's crops are not made as the model's: cut a set that fits beside it, or use the one there",
)
_NAMES = setting(
    "merge",
    "names that differ only by blanks or Unicode form are one person (merge), or all are kept apart (exact)",
    choices=("merge", "exact"),
)
_MIN_SCORE = option(0.9, "lowest score of a face, 0 to 1", least=0, most=1)
_FAR = setting(
    None,
    "choose the threshold so that this share of strangers gets a name, with as many people as the gallery "
    "has (default: 0.01, where the model knows its false accept rates)",
    least=1e-6,
    most=0.5,
)
_MIN_FACE = option(20.0, "smallest side of a face's box in photo pixels", least=1)
_DETECTOR = option("mtcnn", "the network that finds the faces", metavar="NAME")


@dataclass(frozen=True)
class FitConfig(Options):
    """The options of ``facemodel fit``."""

    renamed = _RENAMED
    recipe: str | None = setting(
        None, "start from this recipe; `facemodel recipes` lists them", metavar="NAME"
    )
    adapt: str = setting(
        "",
        "these options are chosen when training starts, by how many people and photos the set has: any of "
        "loss, miner, margin, scale, lr, batch, photos_per_person, freeze",
        metavar="OPTION,…",
    )
    # the network
    backbone: str = setting(
        "inception_resnet_v1",
        "the network: inception_resnet_v1, one of torchvision's (resnet18 …) or timm:NAME",
        metavar="NAME",
    )
    weights: str = setting(
        "auto",
        "pretrained weights: auto (the library's own, or random if they are not available), none or a file",
        metavar="auto|none|PATH",
    )
    weights_sha256: str | None = setting(
        None, "the SHA-256 that the pretrained weights must have", metavar="HEX"
    )
    start: str | None = setting(
        None,
        "the finished model to start from: a run, a ready model's name or an ONNX file; size, dim and input "
        "are its own",
        metavar="MODEL",
    )
    start_weight: float = setting(
        0.0,
        "--start: how strongly each training photo's embedding is held to the one that the start gives it",
        least=0,
        most=1e4,
    )
    start_share: float = setting(
        1.0,
        "--start: judge and save weights so far on the way from the start's (0) to the trained ones (1)",
        least=0,
        most=1,
    )
    teacher: str | None = setting(
        None, "learn from this finished model's embeddings as well, as --start names one", metavar="MODEL"
    )
    teacher_weight: float = setting(
        1.0, "--teacher: how much its embeddings count, where the labels' loss counts 1", least=0, most=1e4
    )
    freeze: str = setting(
        "none",
        "what does not train: none, backbone, first:N (the first N blocks) or last:N (all but the last N)",
        metavar="none|backbone|first:N|last:N",
    )
    freeze_random: bool = setting(
        False, "freeze even without pretrained weights (by default everything then trains)"
    )
    hidden: str = setting("", "widths of extra layers between the backbone and the embedding", metavar="N,N…")
    dim: int = setting(512, "numbers in an embedding", least=1, most=65_536)
    dropout: float = setting(0.0, "share of features dropped before the last layer", least=0, most=0.95)
    normalised: bool = setting(False, "scale embeddings to length one")
    size: int = setting(
        160, "side of the network's input in pixels; crops are resized to it", least=16, most=2048
    )
    # what is learnt
    batches: str = setting(
        "triplets",
        "what a batch holds: triplets, pairs, photos, or people (P people with K photos each)",
        choices=BATCHES,
    )
    loss: str = setting("triplet", "the loss", choices=LOSSES)
    margin: float = setting(1.0, "the loss's margin (arcface: in degrees)", least=0)
    scale: float = setting(64.0, "arcface, cosface: what the cosines are multiplied by", least=1e-3, most=1e4)
    margin_warmup_epochs: float = setting(
        0.0, "arcface, cosface: epochs over which the margin rises from 0", least=0
    )
    sub_centres: int = setting(
        1, "arcface, cosface: centres of a person, of which the nearest counts for a photo", least=1, most=100
    )
    interclass_filter: float | None = setting(
        None,
        "arcface, cosface: other people whose cosine with a photo is above this do not count for it "
        "(default: all count)",
        least=-1,
        most=1,
    )
    sample_classes: float = setting(
        1.0,
        "arcface, cosface: the share of other people that a batch is compared with, drawn anew each time; "
        "for very many people",
        least=1e-4,
        most=1,
    )
    distance: str = setting("euclidean", "how the triplet loss compares embeddings", choices=DISTANCES)
    gamma: float = setting(2.0, "focal loss: how strongly to discount easy photos", least=0, most=50)
    class_weights: bool = setting(False, "give people with few photos more weight in the loss")
    miner: str = setting(
        "none", "batches of people: which of a batch's triplets count", choices=("none", "semihard", "hard")
    )
    doubted: str = setting(
        "keep",
        "photos whose label the set's findings doubt (`facemodel check`): keep them as they are, drop them "
        "from training and validation, or move those that have a proposal to the person they show, those "
        "that show one person whom no name is left for to a new one, and drop the others",
        choices=("keep", "drop", "move"),
    )
    closed: bool = setting(
        False,
        "recognise only the people in the set: validate on some of each person's photos, not on other "
        "people, and keep the classifier",
    )
    # which rows
    batch: int = setting(64, "rows in a batch (batches of people: photos)", least=1, most=1_000_000)
    photos_per_person: int = setting(4, "batches of people: photos of each person (K)", least=2, most=10_000)
    strategy: str = setting(
        "random",
        "how triplets and pairs are drawn: at random, or with reference photos as anchors",
        choices=("random", "reference"),
    )
    triplets: str | None = setting(
        None, "train on the triplets in this file (default: the set's own)", metavar="FILE", file=True
    )
    rows_per_epoch: int | None = setting(
        None,
        "draw this many new rows each epoch (default: use all rows of the set's own tables)",
        least=1,
        most=_MOST_ROWS,
    )
    negatives: str = setting(
        "random",
        "a triplet's negative: any other person's photo (random), the nearest of several (hard), or random "
        "at first and hard later (random-then-hard)",
        choices=("random", "hard", "random-then-hard"),
    )
    hard_candidates: int = setting(
        50,
        "hard negatives: how many random photos of other people to choose the nearest from; 0 for all",
        least=0,
        most=_MOST_CANDIDATES,
    )
    per_negative: int | None = setting(
        None, f"hard negatives: how many triplets of an epoch may share one ({_MOST_SHARED})", least=1
    )
    hard_margin: float | None = setting(
        None, f"hard negatives: {_FARTHER} (default: it may also be nearer)", least=-2, most=1e6
    )
    max_score: float | None = setting(
        None, f"hard negatives: {_MOST_SIMILAR} (default: no limit)", least=-1, most=1e6
    )
    range_min: int = setting(0, f"hard negatives: {_SKIPPED}", least=0, most=_MOST_CANDIDATES)
    allow_suspects: bool = setting(False, f"hard negatives: {_SUSPECTS}")
    hard_below: float = setting(
        0.2,
        "random-then-hard: switch to hard negatives when less than this share of an epoch's triplets still "
        "has a loss",
        least=0,
        most=1,
    )
    hard_lr: float | None = setting(
        None, "learning rate once negatives are hard (default: unchanged)", least=_LEAST_RATE
    )
    # how it is learnt
    epochs: int = setting(20, "number of passes over the rows", least=1)
    optimizer: str = setting("adam", "the optimizer", choices=("sgd", "adam", "adamw"))
    lr: float = setting(1e-3, "learning rate", least=_LEAST_RATE)
    momentum: float = setting(0.9, "sgd: momentum", least=0, most=1)
    weight_decay: float = setting(0.0, "weight decay", least=0)
    schedule: str = setting("constant", "how the learning rate changes over the run", choices=SCHEDULES)
    step_epochs: int = setting(7, "step: epochs between steps; restarts: epochs in the first cycle", least=1)
    step_factor: float = setting(
        0.1,
        "step: multiplies the learning rate at each step; restarts: divides a cycle's length",
        least=0,
        most=1,
    )
    warmup_epochs: float = setting(0.0, "epochs over which the learning rate rises from 0", least=0)
    accumulate: int = setting(1, "add up the gradients of this many batches for each step", least=1)
    clip: float | None = setting(None, "clip the gradients' norm to this", least=_LEAST_RATE)
    average: float = setting(
        0.0,
        "judge and save a running average of the weights, of which each step keeps this share (such as "
        "0.999); 0 for the weights themselves",
        least=0,
        most=0.999999,
    )
    precision: str = setting(
        "fp32",
        "number format of the network's arithmetic (autocast); auto measures whether bf16 is faster here",
        choices=(AUTO, *PRECISIONS),
    )
    channels_last: bool = setting(True, "store images with channels last, which is faster")
    compile: bool = setting(False, "compile the network with torch.compile")
    flip: bool = setting(True, "mirror half of the photos")
    rotate: float = setting(0.0, "turn photos at random by up to this many degrees", least=0, most=180)
    seed: int = _SEED
    # how it is judged
    val_share: float = setting(
        0.1, "share of the training people to validate on if the set has no val split", least=0.01, most=0.5
    )
    val_pairs: int = setting(4000, "limit on the number of validation pairs", least=2)
    best_by: str = setting(
        "auc", "the validation metric that chooses the best weights", choices=("auc", "accuracy", "loss")
    )
    stop_on: str = option(
        "", "stop the run on any of these signs: overfitting, collapse, divergence", metavar="GUARD,…"
    )
    # where and how often
    device: str = _DEVICE
    workers: int | None = _WORKERS
    trust_crops: bool = option(False, "skip the check that every crop is there and unchanged")
    save_steps: int = option(1000, "steps between checkpoints; each epoch also ends with one", least=1)
    resume: bool = option(False, "continue the run in --out")
    overwrite: bool = option(False, "delete the run in --out and start again")

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        if self.batches not in self.loss_row.goals:
            fitting = [name for name, loss in LOSSES.items() if self.batches in loss.goals]
            raise UsageError(
                f"--batches {self.batches} trains with {' or '.join(fitting)}, not with --loss {self.loss}"
            )
        if self.triplets is not None and self.doubted == "move":
            raise UsageError(
                "--doubted move gives photos other names than --triplets FILE has: leave one out, or "
                "take --doubted drop"
            )
        if self.triplets is not None and self.batches != "triplets":
            raise UsageError(f"--triplets FILE trains with --batches triplets, not with {self.batches}")
        if self.batches == "people" and self.batch < 2 * self.photos_per_person:
            raise UsageError(
                f"--batch {self.batch} holds fewer than two people with {self.photos_per_person} photos "
                "each: raise it, or lower --photos-per-person"
            )
        if self.batches == "photos" and 1 in (self.batch, self.rows_per_epoch):
            raise UsageError("--batches photos needs at least two photos per batch, because of BatchNorm")
        most_margin = self.loss_row.most_margin
        if most_margin is not None and self.margin > most_margin:
            raise UsageError(f"--margin {self.margin:g}: --loss {self.loss} allows at most {most_margin:g}")
        if self.closed and self.batches == "people" and not self.classifies:
            raise UsageError("--closed keeps the loss's classifier, and this loss has none")
        if self.closed and self.samples_classes:
            raise UsageError(
                "--closed keeps the classifier of all people, and --sample-classes trains with a share of "
                "them: leave one of the two out"
            )
        if unknown := sorted(set(self.guards) - set(GUARDS)):
            raise UsageError(f"--stop-on {', '.join(unknown)}: there are {', '.join(GUARDS)}")
        if self.weights_sha256 is not None and not re.fullmatch("[0-9a-fA-F]{8,64}", self.weights_sha256):
            raise UsageError(
                f"--weights-sha256 {self.weights_sha256!r}: it takes a SHA-256, "
                "or its first eight digits or more"
            )
        if self.weights_sha256 is not None and self.weights == "none":
            raise UsageError("--weights-sha256 needs weights, and --weights none asks for none: choose one")
        if self.resume and self.overwrite:
            raise UsageError("--resume continues a run, --overwrite starts again: choose one")
        parse_freeze(self.freeze)
        self.hidden_widths()
        if unknown := sorted(set(self.adapt_names) - set(ADAPTABLE)):
            raise UsageError(f"--adapt {', '.join(unknown)}: it takes {', '.join(ADAPTABLE)}")

    @property
    def adapt_names(self) -> tuple[str, ...]:
        """The options that are chosen by what the set is."""
        return tuple(name.strip().replace("-", "_") for name in self.adapt.split(",") if name.strip())

    @property
    def loss_row(self) -> Loss:
        """The loss's row in the table of losses."""
        return LOSSES[self.loss]

    @property
    def classifies(self) -> bool:
        """Whether the loss has a classifier of the people it trains on."""
        return self.loss_row.head == "classes"

    @property
    def samples_classes(self) -> bool:
        """Whether a batch is compared with a share of the people; the classifier is then not kept."""
        return self.sample_classes < 1 and "sample_classes" in self.loss_row.uses

    @property
    def names_photos(self) -> bool:
        """Whether the model keeps its classes, so that it can name photos without a gallery."""
        return self.closed and self.classifies

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards that stop the run."""
        return tuple(name.strip() for name in self.stop_on.split(",") if name.strip())

    def hidden_widths(self) -> list[int]:
        """Return the widths of the layers between backbone and embedding."""
        try:
            widths = [int(part) for part in self.hidden.split(",") if part.strip()]
        except ValueError:
            raise UsageError(f"--hidden {self.hidden!r}: it takes widths such as 1000,512") from None
        if any(width < 1 for width in widths):
            raise UsageError(f"--hidden {self.hidden!r}: a width is at least 1")
        return widths


@dataclass(frozen=True)
class EmbedConfig(Options):
    """The options of ``facemodel embed``."""

    split: str | None = setting(None, "embed only this split's crops", metavar="NAME")
    of: str | None = option(
        None, "the set that a manifest belongs to, if the manifest is not in the set's folder", metavar="DIR"
    )
    flip: bool = _FLIP
    batch: int = _BATCH
    device: str = _DEVICE
    cut: bool = _CUT
    weights: str | None = _WEIGHTS
    workers: int | None = _WORKERS
    overwrite: bool = option(False, "delete the file at --out and start again")


@dataclass(frozen=True)
class EvaluateConfig(Options):
    """The options of ``facemodel evaluate``."""

    split: str = setting("test", "the split to score on", metavar="NAME")
    pairs: str | None = setting(
        None,
        "score the pairs in this file: LFW's format, or a table of two photos and a label (default: the "
        "set's own)",
        metavar="FILE",
        file=True,
    )
    templates: str | None = setting(
        None,
        "the pairs of --pairs are of templates: several photos each, as this file says, IJB's or a table of "
        "template, photo and media",
        metavar="FILE",
        file=True,
    )
    without_overlap: str | None = option(
        None,
        "show the scores also without the people and photos that this overlap.json says are in the training "
        "set too; a check with --against writes it",
        metavar="FILE",
        file=True,
    )
    keep_threshold: bool = option(
        False,
        "choose the threshold anew, on the val or train pairs, and write it into the model's JSON with what "
        "it does to strangers",
    )
    by: tuple[str, ...] = option(
        (),
        "show the figures also by this column of the ledger or of the measured quality, such as meta_age or "
        "sharpness; may be given several times",
        metavar="COLUMN",
    )
    discard: tuple[str, ...] = option(
        (),
        "show how the rejections fall when the worst photos by this column are left out, or by quality: all "
        "that `facedata check` measured; may be given several times",
        metavar="COLUMN",
    )
    metric: str | None = setting(
        None, "how to compare embeddings (default: the model's own)", choices=("euclidean", "cosine")
    )
    flip: bool = _FLIP
    batch: int = _BATCH
    device: str = _DEVICE
    cut: bool = _CUT
    weights: str | None = _WEIGHTS
    workers: int | None = _WORKERS
    seed: int = _SEED

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        if self.keep_threshold and self.flip:
            raise UsageError(
                "--keep-threshold is for enroll and identify, which use no mirror images: leave out --flip"
            )
        if self.templates is not None:
            if self.pairs is None:
                raise UsageError("--templates says which photos its templates have: name their --pairs too")
            about = {"by": self.by, "discard": self.discard, "without-overlap": self.without_overlap}
            if mixed := next((name for name, value in about.items() if value), None):
                raise UsageError(f"--{mixed} is about pairs of photos, not of --templates: leave one out")


@dataclass(frozen=True)
class CompareConfig(Options):
    """The options of ``facemodel compare``; most are for models that are scored for it."""

    set: str | None = option(
        None,
        "the set to score models on, and to take pictures of pairs from (default: the one that the first "
        "model was trained on)",
        metavar="DIR",
    )
    split: str | None = setting(
        None,
        "the split to score models on (default: that of the RUNs that are scores, else test)",
        metavar="NAME",
    )
    pairs: str | None = setting(
        None,
        "score models on the pairs in this file, as evaluate --pairs does (default: the set's own)",
        metavar="FILE",
        file=True,
    )
    flip: bool = _FLIP
    batch: int = _BATCH
    device: str = _DEVICE
    cut: bool = _CUT
    workers: int | None = _WORKERS
    seed: int = _SEED


@dataclass(frozen=True)
class CheckConfig(SetCheckConfig):
    """The options of ``facemodel check``: those of ``facedata check``, and how to tell who is who."""

    odds: float = setting(
        10.0, "report two names as one person when that is so many times likelier than two", least=1
    )
    doubt: float = setting(
        0.5, "report a photo under a wrong name from this probability", least=0.5, most=0.9999
    )
    shared: float | None = setting(
        None,
        "with --against: from how much more similarity than others who look alike have, two people are one "
        "(default: estimated from both sets)",
        least=-2,
        most=2,
    )
    flip: bool = setting(True, "take the mean with the mirror image's embedding")
    batch: int = _BATCH
    device: str = _DEVICE
    cut: bool = _CUT
    weights: str | None = _WEIGHTS


@dataclass(frozen=True)
class EnrollConfig(Options):
    """The options of ``facemodel enroll``."""

    anchor: str = setting(
        "mean", "what represents a person: the mean of their photos, or one photo", choices=("mean", "one")
    )
    reference: str | None = setting(
        None,
        "with --anchor one: a pattern of that photo's name (default: the first in path order)",
        metavar="PATTERN",
    )
    face: str = setting(
        "largest",
        "which face to use when a photo has several",
        choices=("largest", "center", "score", "only"),
    )
    threshold: float | None = setting(
        None,
        "identify calls a face unknown above this distance, or below this similarity (default: by --far)",
    )
    far: float | None = _FAR
    names: str = _NAMES
    min_score: float = _MIN_SCORE
    min_face: float = _MIN_FACE
    npz: str | None = option(
        None,
        "also write the gallery as NumPy's own file, for programs without this package",
        metavar="FILE.npz",
    )
    detector: str = _DETECTOR
    device: str = _DEVICE
    weights: str | None = _WEIGHTS

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        if self.reference is not None and self.anchor != "one":
            raise UsageError("--reference chooses the one photo that represents a person: add --anchor one")
        _check_far(self.far, self.threshold)


@dataclass(frozen=True)
class ForgetConfig(Options):
    """The options of ``facemodel forget``."""

    dry_run: bool = option(False, "only say who would be taken out")


@dataclass(frozen=True)
class IdentifyConfig(Options):
    """The options of ``facemodel identify``."""

    threshold: float | None = option(
        None,
        "a face is unknown above this distance, or below this similarity (default: the gallery's or model's)",
    )
    far: float | None = option(
        None,
        "choose the threshold so that this share of strangers gets a name (default: the gallery's)",
        least=1e-6,
        most=0.5,
    )
    out: str | None = option(
        None, "folder to write the photos to, with boxes and names", metavar="DIR", file=True
    )
    csv: str | None = option(
        None,
        "write a table with a row per face: photo, face, name, similarity, threshold, box",
        metavar="FILE.csv",
        file=True,
    )
    prior: float = option(
        0.5,
        "share of the faces that show somebody in the gallery, for the probability beside each name",
        least=1e-6,
        most=1 - 1e-6,
    )
    judge: bool = option(False, "photos are in one folder per person: report how often the names are right")
    min_score: float = _MIN_SCORE
    min_face: float = _MIN_FACE
    detector: str = _DETECTOR
    device: str = _DEVICE
    weights: str | None = _WEIGHTS

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        _check_far(self.far, self.threshold)


@dataclass(frozen=True)
class MineConfig(Options):
    """The options of ``facemodel mine``."""

    renamed = _RENAMED
    split: str = setting("train", "the split to draw triplets from", metavar="NAME")
    count: int | None = setting(
        None, "number of triplets (default: one per crop that can be an anchor)", least=1, most=_MOST_ROWS
    )
    candidates: int = setting(
        0,
        "how many random photos of other people to choose the nearest from; 0 for all",
        least=0,
        most=_MOST_CANDIDATES,
    )
    per_anchor: int = setting(1, "how many triplets to make of each anchor and positive", least=1, most=1000)
    per_negative: int | None = setting(
        None, f"how many triplets may share a negative ({_MOST_SHARED})", least=1
    )
    margin: float | None = setting(None, f"{_FARTHER} (default: it may also be nearer)", least=-2, most=1e6)
    relative_margin: float | None = setting(
        None,
        "a negative is at most (1 - this) times as similar to the anchor as the positive, or at least "
        "(1 + this) times as far (default: no such limit)",
        least=0,
        most=1e3,
    )
    max_score: float | None = setting(None, f"{_MOST_SIMILAR} (default: no limit)", least=-1, most=1e6)
    range_min: int = setting(0, _SKIPPED, least=0, most=_MOST_CANDIDATES)
    allow_suspects: bool = setting(False, _SUSPECTS)
    suspects: str | None = option(
        None,
        "the file to write the pairs to that may show one person (default: beside --out, as "
        "NAME.suspects.parquet)",
        metavar="FILE.parquet",
        file=True,
    )
    memory_mb: int | None = option(
        None,
        "memory for comparing all photos, beside their embeddings, in MB (default: 1024, on a GPU 8192)",
        least=64,
    )
    batch: int = _BATCH
    device: str = _DEVICE
    cut: bool = _CUT
    weights: str | None = _WEIGHTS
    workers: int | None = _WORKERS
    seed: int = _SEED


@dataclass(frozen=True)
class ExportConfig(Options):
    """The options of ``facemodel export``."""

    to: str = option("onnx", "the format", choices=FORMATS)
    crops: int = option(32, "number of real crops to compare the file with the model on", least=1)
    set: str | None = option(
        None, "the set to take those crops from (default: the one it was trained on)", metavar="DIR"
    )
    scores: str | None = option(
        None,
        "a folder that `facemodel evaluate` wrote of the model: its figures go into the card",
        metavar="DIR",
    )
    int8: bool = option(
        False, "write 8-bit whole numbers: a quarter of the size, refused where it loses too much"
    )
    calibrate: int = option(
        300, "--int8: crops of people who train or validate to take the ranges of numbers from", least=8
    )
    most_loss: float = option(
        0.2, "--int8: percentage points of TAR at FAR 1e-3 that may be lost", least=0.01, most=100
    )
    weights: str | None = _WEIGHTS

    def __post_init__(self) -> None:
        """Check each option's range, then what depends on several options."""
        super().__post_init__()
        for name in ("calibrate", "most_loss"):
            if not self.int8 and getattr(self, name) != getattr(type(self), name):
                raise UsageError(f"--{name.replace('_', '-')} does nothing without --int8: add it")


def _check_far(far: float | None, threshold: float | None) -> None:
    if far is not None and threshold is not None:
        raise UsageError("--far chooses a threshold, and --threshold gives one: choose one of them")


def parse_freeze(text: str) -> tuple[str, int]:
    """Return the rule that ``--freeze`` names and its number of blocks.

    Raises:
        UsageError: there is no such rule.

    >>> parse_freeze("last:1"), parse_freeze("backbone")
    (('last', 1), ('backbone', 0))
    """
    rule, colon, number = text.partition(":")
    if not colon and rule in ("none", "backbone"):
        return rule, 0
    if rule in ("first", "last") and number.isascii() and number.isdigit():
        return rule, int(number)
    raise UsageError(f"--freeze {text!r}: it takes none, backbone, first:N or last:N")
