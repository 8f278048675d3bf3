"""A folder a split, in it a folder a person: what torchvision, Keras and many others read."""

from __future__ import annotations

from ..base import Export, Written
from ..left_out import tell_left_out
from ..split_folders import changed_names, name_splits
from .crop_files import CropFiles


class ImageFolder:
    """``<split>/<person>/<name>.jpg``; the person's folder and the name are those of the set's crops."""

    def refuse(self, export: Export) -> None:
        """Refuse nothing: the names of a set's crops are safe on every file system."""

    def write(self, export: Export) -> Written:
        """Link or write every crop; crops in no split have a folder of their own.

        Raises:
            StoreError: a file cannot be written, or a crop is missing or damaged.
        """
        folders = name_splits(export.splits)
        people, is_in_order = dict[str, str](), True
        with CropFiles(export) as files:
            for split, folder in folders.items():
                labels: dict[str, int | None] = {}
                for read in export.crops(split):
                    columns = (read.rows.column(name).to_pylist() for name in ("path", "identity", "label"))
                    paths, identities, numbers = columns
                    files.put(read, [f"{folder}/{path}" for path in paths])
                    persons = [path.partition("/")[0] for path in paths]
                    labels.update(zip(persons, numbers, strict=True))
                    named = zip(persons, identities, strict=True)
                    people.update((person, identity) for person, identity in named if person != identity)
                known = [label for _, label in sorted(labels.items())]
                is_in_order &= None in known or known == list(range(len(known)))
        left_out = tell_left_out(export, "pairs", "triplets", "roles", "meta", "ledger")
        if not is_in_order:
            left_out.append("the set's labels: ImageFolder numbers people by their folders' names")
        first = f"{export.shown}/{next(iter(folders.values()))}"
        lines = (f"torchvision.datasets.ImageFolder({first!r})", files.line())
        return Written(people, tuple(left_out), lines, split_names=changed_names(folders))


IMAGEFOLDER = ImageFolder()
