"""LFW's layout: ``<person>/<person>_0001.jpg``, the lists of pairs and people of its views.

Huang, Ramesh, Berg, Learned-Miller, Labeled Faces in the Wild, UMass Amherst 07-49, 2007. Pairs with folds
make ``pairs.txt`` (View 2); those of train and test ``pairsDevTrain.txt`` and ``pairsDevTest.txt`` (View 1),
with their people beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...errors import UsageError, writing
from ...types import Int64Array
from ..base import Export, Written
from ..left_out import tell_left_out
from .crop_files import CropFiles
from .lfw_names import LfwNames, name_crops
from .lfw_pairs import LfwPairs, arrange_pairs, count_people

_VIEW_1 = {"train": "DevTrain", "test": "DevTest"}
_NAMED = 5


class PairsTxt:
    """LFW's layout and lists."""

    def refuse(self, export: Export) -> None:
        """Refuse a set without pairs that a list can hold, and one whose people are in train and in test.

        Raises:
            UsageError: it is such a set.
        """
        names = name_crops(export.blocks(every=True))
        lists = _choose_lists(export, names)
        if not lists:
            raise UsageError(
                f"{export.prepared} has no pairs that LFW's lists can hold, which need some of one person "
                f"and as many of two: draw some with `facedata pairs {export.prepared}`"
            )
        dev = [pairs.split for name, pairs in lists.items() if name != "pairs.txt"]
        people = [{name for name, _ in count_people(names, _rows_of(export, names, split))} for split in dev]
        if both := sorted(set.intersection(*people)) if len(people) > 1 else []:
            raise UsageError(
                f"{len(both):,} people are in train and in test ({', '.join(both[:_NAMED])}), and LFW's "
                "lists divide people: export one split with --split, or divide the set by people with "
                f"`facedata split {export.prepared} --split-by identity`"
            )

    def write(self, export: Export) -> Written:
        """Link or write every crop under LFW's name, and write the lists.

        Raises:
            StoreError: a file cannot be written, or a crop is missing or damaged.
        """
        names = name_crops(export.blocks(every=True))
        with CropFiles(export) as files:
            for read in export.crops(every=True):
                files.put(read, names.files(names.rows_of(read.rows.column("id").to_numpy())))
        lists = _choose_lists(export, names)
        for name, pairs in lists.items():
            _write_lines(export.folder / name, pairs.lines(names))
            if name != "pairs.txt":
                people = count_people(names, _rows_of(export, names, pairs.split))
                lines = [f"{len(people)}", *(f"{person}\t{count}" for person, count in people)]
                _write_lines(export.folder / name.replace("pairs", "people"), lines)
        differ = {name: who for name, who in zip(names.names, names.identities, strict=True) if name != who}
        view = 2 if "pairs.txt" in lists else 1
        settings = export.prepared.info["settings"]
        crops = f"--template {settings['template']} --size {export.prepared.size_px}"
        crops += f" --margin {settings['margin']:g}" if settings["margin"] else ""
        lines = [f"facedata prepare lfw {export.shown} --view {view} --as-crops {crops}"]
        if holes := names.count_holes():
            lines.append(
                f"the numbers of {holes:,} people have holes, as photos of theirs were not kept: readers "
                "that count a folder's files, such as scikit-learn's, take others"
            )
        return Written(differ, tuple(self._left_out(export, lists)), (*lines, files.line()))

    def _left_out(self, export: Export, lists: dict[str, LfwPairs]) -> Iterable[str]:
        """Yield what the export does not hold."""
        held = {pairs.split for pairs in lists.values()}
        counts = export.prepared.info["counts"].get("splits", {})
        for split in export.splits:
            if split is None:
                yield "that some crops are in no split: they are in no list"
            elif split not in held:
                rows = counts.get(split, {}).get("pairs") or 0
                yield f"the split {split} and its {rows:,} pairs: LFW has no list for it; try --split {split}"
        for name, pairs in lists.items():
            if more := pairs.surplus:
                yield (
                    f"{more:,} pair{'s'[: more != 1]} of {pairs.split}: {name} needs as many of one person "
                    "as of two, in every fold the same"
                )
            if wrong := pairs.contradicted:
                yield (
                    f"{wrong:,} pair{'s'[: wrong != 1]} of {pairs.split}: LFW's lists tell one person from "
                    "two by the names, which say the opposite"
                )
        yield from tell_left_out(export, "triplets", "labels", "roles", "meta", "ledger")


def _choose_lists(export: Export, names: LfwNames) -> dict[str, LfwPairs]:
    """Return the lists to write by the name of their file."""
    lists: dict[str, LfwPairs] = {}
    for split in export.splits:
        pairs = arrange_pairs(export, split, names) if split is not None else None
        if pairs is None or not pairs.each:
            continue
        if pairs.folds:
            name = "pairs.txt"
        elif pairs.split in _VIEW_1:
            name = f"pairs{_VIEW_1[pairs.split]}.txt"
        else:
            name = "pairs.txt" if export.config.split else ""
        if name and name not in lists:
            lists[name] = pairs
    return lists


def _rows_of(export: Export, names: LfwNames, split: str) -> Int64Array:
    """Return a split's crops, as indices into the names."""
    ids = [block.column("id").to_numpy() for block in export.blocks(split)]
    return names.rows_of(np.concatenate([np.empty(0, np.int64), *ids]))


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    with writing(file.name), file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines)


PAIRS_TXT = PairsTxt()
