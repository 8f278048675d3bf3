"""Every option of every facemodel command, once: its name, default, meaning.

An option of ``fit`` marked ``shapes=True`` decides what the trained weights are; a run goes on (``--resume``)
only under the same ones.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from facedata.errors import UsageError
from facedata.options import Options, option

BATCHES = ("triplets", "pairs", "photos", "people")
LOSSES = ("triplet", "bce", "cross-entropy", "focal", "arcface", "cosface", "multi-similarity")
MINERS = ("none", "semihard", "hard")
DISTANCES = ("euclidean", "squared", "mean-squared", "cosine")
NEGATIVES = ("random", "hard", "random-then-hard")
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "restarts", "one-cycle")
PRECISIONS = ("fp32", "bf16", "fp16")
VALIDATION_METRICS = ("auc", "accuracy", "loss")
GUARDS = ("overfitting", "collapse", "divergence")
EXPORTS = ("onnx", "tflite", "torchscript")

_LEAST_RATE = 1e-12
"""With a rate or a length of 0 nothing would learn."""

_MOST_CANDIDATES = 100_000
_MOST_ROWS = 1_000_000_000
_MOST_MARGINS = {"arcface": 90.0, "cosface": 2.0}
"""Degrees; a cosine has no more room than that."""

_LOSSES_OF = {
    "triplets": ("triplet",),
    "pairs": ("bce",),
    "photos": ("cross-entropy", "focal"),
    "people": ("triplet", "arcface", "cosface", "multi-similarity"),
}


@dataclass(frozen=True)
class FitConfig(Options):
    """The options of ``facemodel fit``."""

    recipe: str | None = option(
        None, "start from a recipe; `facemodel recipes` lists them", shapes=True, metavar="NAME"
    )
    # the network
    backbone: str = option(
        "inception_resnet_v1",
        "a network by name: inception_resnet_v1, torchvision's (resnet18 …) or timm:NAME",
        shapes=True,
        metavar="NAME",
    )
    weights: str = option(
        "auto",
        "pretrained weights: auto (the library's own; from scratch where they cannot be had), none or FILE",
        shapes=True,
        metavar="auto|none|PATH",
    )
    weights_sha256: str | None = option(None, "what the weights' SHA-256 must be", shapes=True, metavar="HEX")
    freeze: str = option(
        "none",
        "what does not train: none, backbone, first:N or last:N (all but the last N blocks)",
        shapes=True,
        metavar="none|backbone|first:N|last:N",
    )
    freeze_random: bool = option(
        False, "freeze also where no pretrained weights can be had (else everything trains)", shapes=True
    )
    hidden: str = option(
        "", "widths of layers between the backbone and the embedding", shapes=True, metavar="N,N…"
    )
    dim: int = option(512, "length of an embedding", shapes=True, least=1, most=65_536)
    dropout: float = option(0.0, "share dropped before the last layer", shapes=True, least=0, most=0.95)
    normalised: bool = option(False, "embeddings of length one", shapes=True)
    size: int = option(
        160, "side of the network's input; crops are resized to it", shapes=True, least=16, most=2048
    )
    # what is learnt
    batches: str = option(
        "triplets",
        "what a batch holds: triplets, pairs, photos, or people (P people with K photos each)",
        shapes=True,
        choices=BATCHES,
    )
    loss: str = option("triplet", "the loss", shapes=True, choices=LOSSES)
    margin: float = option(1.0, "the loss's margin (arcface: in degrees)", shapes=True, least=0)
    scale: float = option(
        64.0, "arcface, cosface: the scale of the cosines", shapes=True, least=1e-3, most=1e4
    )
    distance: str = option(
        "euclidean", "how the triplet loss compares embeddings", shapes=True, choices=DISTANCES
    )
    gamma: float = option(2.0, "focal: how little the easy photos count", shapes=True, least=0, most=50)
    class_weights: bool = option(False, "weigh classes against their number of photos", shapes=True)
    miner: str = option("none", "people: which triplets of a batch count", shapes=True, choices=MINERS)
    closed: bool = option(
        False,
        "a closed set: validate on a part of each person's photos, not on other people, and keep the head",
        shapes=True,
    )
    # which rows
    batch: int = option(64, "rows in a batch (people: photos)", shapes=True, least=1, most=1_000_000)
    photos_per_person: int = option(4, "people: K, the photos of each", shapes=True, least=2, most=10_000)
    strategy: str = option(
        "random",
        "how triplets and pairs are drawn: random, or with reference photos as anchors",
        shapes=True,
        choices=("random", "reference"),
    )
    triplets: str | None = option(
        None,
        "train on the triplets of this file (default: the set's)",
        shapes=True,
        metavar="FILE",
        file=True,
    )
    rows_per_epoch: int | None = option(
        None,
        "draw so many fresh rows each epoch (default: all of the manifest)",
        shapes=True,
        least=1,
        most=_MOST_ROWS,
    )
    negatives: str = option(
        "random", "triplets' negatives: as drawn, the nearest of some, or first so, then so", shapes=True,
        choices=NEGATIVES,
    )  # fmt: skip
    hard_candidates: int = option(
        50,
        "hard: photos of other people among which the nearest is taken",
        shapes=True,
        least=1,
        most=_MOST_CANDIDATES,
    )
    hard_below: float = option(
        0.2,
        "random-then-hard: take hard ones when the share of active triplets in an epoch falls below this",
        shapes=True,
        least=0,
        most=1,
    )
    hard_lr: float | None = option(
        None,
        "learning rate from the first hard epoch on (default: as before)",
        shapes=True,
        least=_LEAST_RATE,
    )
    # how it is learnt
    epochs: int = option(20, "how often all rows are seen", shapes=True, least=1)
    optimizer: str = option("adam", "the optimizer", shapes=True, choices=OPTIMIZERS)
    lr: float = option(1e-3, "learning rate", shapes=True, least=_LEAST_RATE)
    momentum: float = option(0.9, "sgd: momentum", shapes=True, least=0, most=1)
    weight_decay: float = option(0.0, "weight decay", shapes=True, least=0)
    schedule: str = option("constant", "how the learning rate goes", shapes=True, choices=SCHEDULES)
    step_epochs: int = option(
        7, "step: epochs between steps; restarts: of the first cycle", shapes=True, least=1
    )
    step_factor: float = option(
        0.1,
        "step: factor at each step; restarts: each cycle is 1 / this as long",
        shapes=True,
        least=0,
        most=1,
    )
    warmup_epochs: float = option(0.0, "epochs in which the learning rate grows from 0", shapes=True, least=0)
    accumulate: int = option(1, "batches whose gradients make one step", shapes=True, least=1)
    clip: float | None = option(
        None, "longest gradient; longer ones are shortened", shapes=True, least=_LEAST_RATE
    )
    precision: str = option("fp32", "autocast to this", shapes=True, choices=PRECISIONS)
    channels_last: bool = option(True, "lay images out with channels last", shapes=True)
    compile: bool = option(False, "torch.compile the network", shapes=True)
    flip: bool = option(True, "show half of the photos mirrored", shapes=True)
    rotate: float = option(0.0, "turn photos by up to so many degrees", shapes=True, least=0, most=180)
    seed: int = option(0, "seed of everything that is drawn by lot", shapes=True, least=0)
    # how it is judged
    val_share: float = option(
        0.1, "share of the training people set aside where the set has no val split", shapes=True,
        least=0.01, most=0.5,
    )  # fmt: skip
    val_pairs: int = option(4000, "most validation pairs", shapes=True, least=2)
    best_by: str = option(
        "auc", "which validation metric chooses the best weights", shapes=True, choices=VALIDATION_METRICS
    )
    stop_on: str = option(
        "", "guards that stop the run: overfitting, collapse, divergence", metavar="GUARD,…"
    )
    # where and how often
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")
    workers: int | None = option(None, "threads that decode crops (default: one per core)", least=1)
    trust_crops: bool = option(False, "do not read every crop first to see that it is there and unchanged")
    save_steps: int = option(1000, "steps between checkpoints; each epoch ends with one, too", least=1)
    resume: bool = option(False, "go on with the run that is there")
    overwrite: bool = option(False, "start afresh: the run that is there is removed first")

    def __post_init__(self) -> None:
        """Check the ranges, then what only several values together can tell."""
        super().__post_init__()
        if self.loss not in _LOSSES_OF[self.batches]:
            raise UsageError(
                f"--batches {self.batches} trains with {' or '.join(_LOSSES_OF[self.batches])}, "
                f"not with --loss {self.loss}"
            )
        if self.triplets is not None and self.batches != "triplets":
            raise UsageError(f"--triplets FILE trains with --batches triplets, not with {self.batches}")
        if self.batches == "people" and self.batch < 2 * self.photos_per_person:
            raise UsageError(
                f"--batch {self.batch} holds fewer than two people with {self.photos_per_person} photos "
                "each: raise it, or lower --photos-per-person"
            )
        if self.batches == "photos" and 1 in (self.batch, self.rows_per_epoch):
            raise UsageError("--batches photos takes two photos a batch or more: BatchNorm needs several")
        if self.margin > (most := _MOST_MARGINS.get(self.loss, math.inf)):
            raise UsageError(f"--margin {self.margin:g}: --loss {self.loss} takes one up to {most:g}")
        if self.closed and self.batches == "people" and self.loss in ("triplet", "multi-similarity"):
            raise UsageError("--closed keeps a classifier's head, and this loss has none")
        if unknown := sorted(set(self.guards) - set(GUARDS)):
            raise UsageError(f"--stop-on {', '.join(unknown)}: there are {', '.join(GUARDS)}")
        if self.weights_sha256 is not None and not re.fullmatch("[0-9a-fA-F]{8,64}", self.weights_sha256):
            raise UsageError(
                f"--weights-sha256 {self.weights_sha256!r}: it takes a SHA-256, "
                "or its first eight digits or more"
            )
        if self.weights_sha256 is not None and self.weights == "none":
            raise UsageError("--weights-sha256 is of a file, and --weights none asks for none: choose one")
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on, --overwrite starts afresh: choose one")
        parse_freeze(self.freeze)
        self.hidden_widths()

    @property
    def classifies(self) -> bool:
        """The loss knows the people it trains on as classes."""
        return self.loss in ("cross-entropy", "focal", "arcface", "cosface")

    @property
    def names_photos(self) -> bool:
        """The classes are kept, and photos are named by them."""
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

    split: str | None = option(None, "only crops of this split", shapes=True, metavar="NAME")
    of: str | None = option(
        None, "the set that a manifest is of, where it does not lie in the set's folder", metavar="DIR"
    )
    flip: bool = option(False, "add each crop's mirror image and take the mean", shapes=True)
    batch: int = option(64, "crops in a batch", least=1)
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")
    workers: int | None = option(None, "threads that decode crops (default: one per core)", least=1)
    overwrite: bool = option(False, "start afresh: what is there is removed first")


@dataclass(frozen=True)
class EvaluateConfig(Options):
    """The options of ``facemodel evaluate``."""

    split: str = option("test", "the split whose pairs are scored", shapes=True, metavar="NAME")
    pairs: str | None = option(
        None, "a pairs file to score (default: the set's own)", shapes=True, metavar="FILE", file=True
    )
    metric: str | None = option(
        None, "how embeddings are compared (default: the model's own)", shapes=True,
        choices=("euclidean", "cosine"),
    )  # fmt: skip
    flip: bool = option(False, "embed each crop's mirror image too, and take the mean", shapes=True)
    batch: int = option(64, "crops in a batch", least=1)
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")
    workers: int | None = option(None, "threads that decode crops (default: one per core)", least=1)
    seed: int = option(0, "seed of the bootstrap and of the anchors", shapes=True, least=0)


@dataclass(frozen=True)
class EnrollConfig(Options):
    """The options of ``facemodel enroll``."""

    anchor: str = option(
        "mean", "what stands for a person: the mean of the photos, or one of them", shapes=True,
        choices=("mean", "one"),
    )  # fmt: skip
    reference: str | None = option(
        None,
        "one: which photo, as a pattern of its name (default: the first in path order)",
        shapes=True,
        metavar="PATTERN",
    )
    face: str = option(
        "largest", "which face of several in a photo", shapes=True,
        choices=("largest", "center", "score", "only"),
    )  # fmt: skip
    threshold: float | None = option(
        None, "beyond it a face will be unknown (default: the model's own)", shapes=True
    )
    min_score: float = option(0.9, "least score of a face, 0 to 1", shapes=True, least=0, most=1)
    min_face: float = option(20.0, "least side of a face's box, in photo pixels", shapes=True, least=1)
    detector: str = option("mtcnn", "which network finds the faces", shapes=True, metavar="NAME")
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")

    def __post_init__(self) -> None:
        """Check the ranges, then what only several values together can tell."""
        super().__post_init__()
        if self.reference is not None and self.anchor != "one":
            raise UsageError("--reference chooses the one photo that stands for a person: add --anchor one")


@dataclass(frozen=True)
class IdentifyConfig(Options):
    """The options of ``facemodel identify``."""

    threshold: float | None = option(
        None, "beyond it a face is unknown (default: the gallery's, else the model's own)"
    )
    out: str | None = option(None, "folder for pictures with boxes and names", metavar="DIR", file=True)
    judge: bool = option(False, "the photos lie in a folder per person: say how often the names are right")
    min_score: float = option(0.9, "least score of a face, 0 to 1", least=0, most=1)
    min_face: float = option(20.0, "least side of a face's box, in photo pixels", least=1)
    detector: str = option("mtcnn", "which network finds the faces", metavar="NAME")
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")


@dataclass(frozen=True)
class MineConfig(Options):
    """The options of ``facemodel mine``."""

    split: str = option("train", "the split whose crops are mined", shapes=True, metavar="NAME")
    count: int | None = option(
        None, "triplets (default: one per crop that can be an anchor)", shapes=True, least=1, most=_MOST_ROWS
    )
    candidates: int = option(
        50,
        "photos of other people among which the nearest is taken",
        shapes=True,
        least=1,
        most=_MOST_CANDIDATES,
    )
    batch: int = option(64, "crops in a batch", least=1)
    device: str = option("auto", "where it runs", metavar="auto|cpu|cuda|cuda:N")
    workers: int | None = option(None, "threads that decode crops (default: one per core)", least=1)
    seed: int = option(0, "seed of the candidates", shapes=True, least=0)


@dataclass(frozen=True)
class ExportConfig(Options):
    """The options of ``facemodel export``."""

    to: str = option("onnx", "the format", choices=EXPORTS)
    crops: int = option(32, "real crops on which the file is compared with the model", least=1)
    set: str | None = option(
        None, "the set these crops come from (default: the one it was trained on)", metavar="DIR"
    )


def parse_freeze(text: str) -> tuple[str, int]:
    """Return what ``--freeze`` means: a rule and its number of blocks.

    Raises:
        UsageError: it means nothing.

    >>> parse_freeze("last:1"), parse_freeze("backbone")
    (('last', 1), ('backbone', 0))
    """
    rule, colon, number = text.partition(":")
    if not colon and rule in ("none", "backbone"):
        return rule, 0
    if rule in ("first", "last") and number.isascii() and number.isdigit():
        return rule, int(number)
    raise UsageError(f"--freeze {text!r}: it takes none, backbone, first:N or last:N")
