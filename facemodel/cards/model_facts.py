"""What the files of a run tell about its model, and the set about its photos; no name of anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facedata import PreparedSet
from facedata.errors import FacedataError
from facedata.options import from_toml
from facedata.sets.prepared import short

from ..config import FitConfig
from ..models.header import BEST, HISTORY, LAST, SPEC, SUFFIX, read_header
from ..models.known_people import count_people
from ..network.backbones import TIMM
from ..recipes import load_recipe
from ..spec import InputSpec, read_spec
from ..training.guards import findings
from ..training.history import EpochRow, read_csv
from ..training.state import merit
from ..validated.summary import FEWEST_PEOPLE, AcceptRate, share_interval

_SHOWN = (
    "backbone", "freeze", "hidden", "dim", "dropout", "size", "batches", "loss", "batch", "epochs",
    "lr", "seed",
)  # fmt: skip
"""Options that a card always shows; of the others those that are not the recipe's."""

_CHANCE = 0.5
"""The AUC of a network that cannot tell people apart."""


@dataclass(frozen=True)
class ModelFacts:
    """What a card says of a model.

    Attributes:
        name: of the run folder.
        spec: the input spec.
        config: of the run; None if its file is gone.
        header: of the weights' file.
        rows: the history, beginning with the row before epoch 1; empty if it is gone.
        people: how many people train and only validate, each with their photos; empty if it is not known.
        set_info: dataset.json of the set it was trained on; None if that set is not at hand.
    """

    name: str
    spec: InputSpec
    config: FitConfig | None
    header: Mapping[str, Any]
    rows: tuple[EpochRow, ...] = ()
    people: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    set_info: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, model: Path, prepared: PreparedSet | None) -> ModelFacts:
        """Read what the files tell.

        Args:
            model: a run folder, or a file of weights in one.
            prepared: a set; it counts only if the model was trained on it. None for none.

        Raises:
            ModelError: there are no weights, or they are damaged.
            SpecError: there is no input spec, or it is malformed.
        """
        folder = model if model.is_dir() else model.parent
        files = (folder / f"{name}{SUFFIX}" for name in (BEST, LAST))
        weights = next((file for file in files if file.is_file()), model) if model.is_dir() else model
        spec, config = read_spec(folder / SPEC), None
        try:
            config = from_toml(FitConfig, folder / "config.toml")
        except FacedataError:  # a model that was moved without it, or one of a later version
            config = None
        info = prepared.info if prepared is not None and spec.is_trained_on(prepared) else None
        return cls(
            folder.resolve().name, spec, config, read_header(weights), tuple(read_csv(folder / HISTORY)),
            count_people(folder), info,
        )  # fmt: skip

    @property
    def epoch(self) -> int | None:
        """The epoch of the weights; None if it is not known."""
        epoch = self.header.get("extra", {}).get("epoch")
        return epoch if type(epoch) is int else None

    @property
    def row(self) -> EpochRow | None:
        """The history's row of that epoch."""
        return next((row for row in self.rows if row.epoch == self.epoch), None)

    @property
    def is_finished(self) -> bool:
        """Whether the run has had all its epochs."""
        return self.config is not None and bool(self.rows) and self.rows[-1].epoch >= self.config.epochs

    @property
    def names_people(self) -> bool:
        """Whether the network itself names people."""
        return bool(self.config and self.config.closed and self.header.get("classes"))

    def list_options(self) -> list[tuple[str, str]]:
        """Return the options that say most, by name, and all that are not the recipe's."""
        if self.config is None:
            return []
        recipe = load_recipe(self.config.recipe).config if self.config.recipe else FitConfig()
        usual, mine = recipe.settings(), self.config.settings()
        if mine["weights"] not in ("auto", "none"):
            mine["weights"] = "a file"  # its path is nobody's business
        for name in ("start", "teacher"):
            mine[name] = None if mine[name] is None else Path(mine[name]).name

        def show(value: Any) -> str:
            if value is None or value == "":
                return "–"
            if isinstance(value, bool):
                return "yes" if value else "no"
            return f"{value:g}" if isinstance(value, float) else str(value)

        return [
            (name.replace("_", "-"), show(value))
            for name, value in mine.items()
            if name != "recipe" and (name in _SHOWN or value != usual.get(name))
        ]

    def describe_start(self) -> tuple[str, str | None]:
        """Return where the first weights are from, in a sentence, and their licence if it is known."""
        kind, line, digest, *known = self.header.get("pretrained", ("none", "", None))
        if kind == "start":  # the line names the file or ready model, without its folder
            about = line.rpartition(", model ")[0]
            return f"The run {about} (model {digest}).", known[0] if known else None
        name = str(self.header.get("config", {}).get("backbone", "the backbone"))
        if kind == "none":
            return f"{name} started from random weights.", None
        where = "its library's pretrained weights" if kind == "library" else "a file of weights"
        licence = None
        if kind == "library" and name.startswith(TIMM):
            import timm

            licence = getattr(timm.get_pretrained_cfg(name.removeprefix(TIMM)), "license", None)
        return f"{name} started from {where} (SHA-256 {digest}).", licence

    def list_figures(self) -> list[tuple[str, str, str]]:
        """Return what the validation showed in the epoch of the weights: title, value, interval."""
        row, people = self.row, self.validated_people
        found = []
        if row is not None:
            if row.val_auc is not None:
                found.append(
                    ("AUC of the pairs", f"{row.val_auc:.4f}", _interval(row.val_auc, people, "{:.4f}"))
                )
            if row.val_accuracy is not None:
                share = row.val_accuracy
                found.append(("accuracy", f"{share:.2%}", _interval(share, people, "{:.2%}")))
        for rate in self.shown_rates:
            how = "" if rate.counted else ", extrapolated"
            title = f"photos of known people accepted where {rate.far:g} of strangers are{how}"
            found.append((title, f"{rate.tar:.2%}", _interval(rate.tar, people, "{:.2%}")))
        return found

    @property
    def shown_rates(self) -> tuple[AcceptRate, ...]:
        """The rates of strangers that so many comparisons can show: those of at least one comparison."""
        known = self.spec.validation
        return tuple(
            rate
            for rate in (known.rates if known else ())
            if known and round(rate.far * known.impostors, 6) >= 1
        )

    @property
    def validated_people(self) -> int:
        """How many people validated with two photos or more; 0 if it is not known."""
        return self.spec.validation.people if self.spec.validation else 0

    def describe_threshold(self) -> str | None:
        """Return the threshold and how it was chosen, in a sentence; None if there is none."""
        spec, row = self.spec, self.row
        if spec.threshold is None:
            return None
        rule = "similarity is at least" if spec.metric == "cosine" else "distance is at most"
        measure = "cosine" if spec.metric == "cosine" else "Euclidean"
        how = "the one that divides the validation pairs best in the epoch of the weights"
        if row is not None and row.threshold != spec.threshold:
            how = "chosen by facemodel evaluate --keep-threshold, on pairs that are not those of any score"
        return (
            f"Two crops show one person when their {measure} {rule} {spec.threshold:.4f}: {how}. "
            "Naming one of many people needs a stricter one, which facemodel enroll takes."
        )

    def list_data(self) -> list[str]:
        """Return what is known of the data, a sentence each."""
        lines, info = [], self.set_info
        mark = self.spec.set_fingerprint
        lines.append("The set is not known." if mark is None else f"The set with the fingerprint {mark}.")
        for what, (people, photos) in self.people.items():
            lines.append(f"{people:,} people {what}, with {photos:,} photos.")
        if info is not None:
            kept, records = info["counts"]["status"].get("kept", 0), info["counts"]["records"]
            lines.append(
                f"In the set are {kept:,} of {records:,} photos, of {info['counts']['people']:,} people."
            )
        elif mark is not None:
            lines.append(f"That set was not at hand when this card was written ({short(mark)}).")
        return lines

    def describe_validation(self) -> str:
        """Return whom the validation's figures are about, and how far to trust them."""
        people, summary = self.validated_people, self.spec.validation
        said = (
            "The epoch of the weights and the threshold were chosen by these figures: they flatter the model."
        )
        if summary is not None:
            whom = "whom it was not trained on" if summary.unseen else "whom it was trained on, too"
            said += (
                f" {summary.photos:,} photos of {people:,} people validated it, {whom}; strangers are "
                f"{summary.impostors:,} comparisons of two people."
            )
            if len(self.shown_rates) < len(summary.rates):
                said += (
                    f" These show no rate below 1 in {max(summary.impostors, 1):,}: lower ones need more "
                    "photos, of more people."
                )
        if people >= FEWEST_PEOPLE:
            said += (
                " The intervals count each person once (Wilson's score), which makes them rather too wide."
            )
        return said

    def list_limits(self, tested: tuple[float, float] | None = None) -> list[str]:
        """Return what is known to limit the model, a sentence each, the worst first.

        Args:
            tested: the interval of its AUC in a test, which says more than validation; None for none.
        """
        limits, template = self._list_failures(tested), self.spec.template
        limits.append(
            f"It is for {template} crops, as facedata prepare --template {template} makes them; with others "
            "it does far worse."
        )
        if self.config is not None and not self.is_finished:
            done = self.rows[-1].epoch if self.rows else 0
            limits.append(
                f"Its training was not finished: {done:,} of {self.config.epochs:,} epochs were done, and "
                "these are the weights that were best so far."
            )
        if self.config is not None and self.config.closed:
            limits.append(
                "It was validated on people that it was trained on: how it does on others was not measured, "
                "and strangers pass more often than the figures say."
            )
        if 0 < self.validated_people < FEWEST_PEOPLE:
            limits.append(
                f"Only {self.validated_people:,} people validated it: too few for an interval, or to trust "
                "it with names."
            )
        if any(not rate.counted for rate in self.shown_rates):
            limits.append("Rates that are extrapolated were not observed: there were too few comparisons.")
        if self.config is not None:
            limits += [f"A guard saw: {found.text}." for found in findings(self.rows, self.config)]
        return limits

    def _list_failures(self, tested: tuple[float, float] | None) -> list[str]:
        """Return what says that the model is no better than chance, or than before training."""
        failures, row, people = list[str](), self.row, self.validated_people
        auc, whom = tested, "people it was tested on"
        if auc is None and row is not None and row.val_auc is not None:
            whom = "the people who validated it"
            auc = (
                share_interval(row.val_auc, people) if people >= FEWEST_PEOPLE else (row.val_auc, row.val_auc)
            )
        if auc is not None and auc[0] <= _CHANCE:
            span = " to ".join(dict.fromkeys(f"{end:.4f}" for end in auc))
            failures.append(
                "As far as was measured, it tells people apart no better than chance: its AUC on "
                f"{whom} is {span}, and chance is {_CHANCE:g}."
            )
        if self.config is not None and row is not None and row.epoch and not self.rows[0].epoch:
            before, after = (merit(self.config, one) for one in (self.rows[0], row))
            if before is not None and after is not None and after <= before:
                failures.append(
                    "Training did not make it better than the network was before, by "
                    f"{self.config.best_by} ({abs(before):.4g}, then {abs(after):.4g})."
                )
        return failures


def _interval(share: float, people: int, form: str) -> str:
    """Return a share's 95% interval as text, as if each person had one say; a dash where there is none."""
    if people < FEWEST_PEOPLE:
        return "–"
    return " to ".join(form.format(end) for end in share_interval(share, people))
