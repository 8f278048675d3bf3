"""What a `forget` did, in an object and in lines for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..checks.check_folder import CHECK
from ..errors import FindingsLeftError
from ..files.remote import Location
from ..photos.paths import photo_path, photo_text
from ..sets.prepared import PreparedSet
from ..store.base import CROPS
from ..tables.names import escape_unseen, show_name
from .journal import Changes
from .made_files import MadeWith, quote_words
from .made_with import made_with_lines
from .other_files import list_unknown
from .search import SearchResult, place_lines, summary_line
from .stage import Removal

_SHOWN = 5


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, or with ``dry_run`` would be.

    Attributes:
        people: names, as the set's ledger had them.
        photos: how many photos, kept or not.
        crops: how many crops.
        copies: records among them of other people, whose photos have the same bytes.
        shared: records of other faces in the same photos, which stay.
        before: people and photos that had been forgotten already.
        written: files of the set that are new or were written again, below its folder.
        removed: files and folders that were removed.
        notes: what the user should know, a sentence each.
        dry_run: nothing was changed.
        finished: an earlier, interrupted `forget` was finished first.
        made_with: what was made from the set while they were in it, and what to do about it.
        searched: what a search for them found (``prove``); none without.
    """

    people: tuple[str, ...] = ()
    photos: int = 0
    crops: int = 0
    copies: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    finished: bool = False
    made_with: tuple[MadeWith, ...] = ()
    searched: tuple[SearchResult, ...] = ()


def find_notes(removal: Removal, changes: Changes, location: Location) -> list[str]:
    """Return what the user should know of a removal: what is not touched, and what to do next.

    Args:
        removal: what is to be forgotten.
        changes: what happens to the set's files.
        location: of the set, as the user named it.
    """
    info, mentions = removal.prepared.info, removal.mentions()
    name = photo_text(str(location))
    notes = [f"the photos themselves are not touched: remove them from {info['source']['root']} yourself"]
    said = {"source": info["source"]["root"], "licence": info["licence"], **info["settings"]}
    for key, value in said.items():
        if isinstance(value, str) and mentions.has(value):
            notes.append(
                f"dataset.json still says {key} {value!r}, which names them: it is how the set was made; "
                "prepare the photos again under another name to be rid of it"
            )
    again = {"report": "report", "review": "review", CHECK: "check"}
    first = {path.partition("/")[0].removesuffix(".old").lstrip(".") for path in changes.removed}
    notes += [
        f"{folder}/ goes, since it is about them too: `facedata {command} {name}` makes it again"
        for folder, command in again.items()
        if folder in first
    ]
    if any(Path(path).name.startswith("embeddings-") for path in changes.removed):
        notes.append("the embeddings in check/ go: `facemodel check` makes them again")
    if unknown := list_unknown(removal.folder):
        notes.append(f"not part of the set, and so not touched, in its folder: {_some(unknown)}")
    if twins := removal.remaining.twins:
        notes.append(
            f"crops of others that are byte for byte a forgotten one, and stay: {_some(twins)}; if they show "
            "the same person, forget their photos with --photos"
        )
    least = info["settings"].get("min_photos", 1)
    if few := removal.remaining.people_below(least):
        notes.append(
            f"fewer photos than --min-photos {least} are left of {_some(map(show_name, few))}: the next "
            "`facedata prepare` leaves them out"
        )
    if not removal.remaining.keep.any():
        notes.append("nobody is left in the set")
    return notes


def find_later_notes(
    before: PreparedSet, after: PreparedSet, changes: Changes, location: Location
) -> list[str]:
    """Return what the user should know once a removal is done: of splits without people, and of folders.

    Args:
        before: the set as it was.
        after: the set as it is.
        changes: what was done to its files.
        location: of the set, as the user named it.
    """
    said = before.info["counts"]["split"]["notes"]
    notes = [
        note.replace("facedata split SET", f"facedata split {quote_words(location)}")
        for note in after.info["counts"]["split"]["notes"]
        if note not in said
    ]
    folder = Path(str(after.path))
    stay = {
        name
        for name in changes.emptied
        if name.startswith(f"{CROPS}/") and (folder / photo_path(name)).is_dir()
    }
    for block in after.blocks("classes") if stay else ():
        stay -= {name.rpartition("/")[0] for name in block.column("file").to_pylist()}
    return notes + [f"{name}/ has files that are no crops, and stays" for name in sorted(stay)]


def forget_lines(outcome: Forgotten) -> list[str]:
    """Return what ``facedata forget`` prints."""
    lines = []
    if outcome.finished:
        lines.append("finished   an earlier `facedata forget` that was interrupted")
    if outcome.photos:
        names = ", ".join(map(show_name, outcome.people)) or "photos"
        word = "to forget" if outcome.dry_run else "forgotten"
        lines.append(
            f"{word:<10} {names}: {outcome.photos:,} photo{'s'[: outcome.photos != 1]}, "
            f"{outcome.crops:,} crop{'s'[: outcome.crops != 1]}"
        )
    lines += [f"already    {escape_unseen(one)} is forgotten already" for one in outcome.before]
    if outcome.copies:
        lines.append(
            f"copies     {len(outcome.copies):,} of these photos had another name, and the same bytes: "
            f"{_some(outcome.copies)}"
        )
    if outcome.shared:
        lines.append(f"stays      other faces in the same photos: {_some(outcome.shared)}")
    will = "would be " if outcome.dry_run else ""
    lines += _file_lines(f"{will}written" if will else "written", outcome.written)
    lines += _file_lines(f"{will}removed" if will else "removed", outcome.removed)
    lines += [f"note       {note}" for note in outcome.notes]
    lines += [f"made with  {line}" for line in made_with_lines(outcome.made_with)]
    for result in outcome.searched:
        lines.append(f"proof      {summary_line(result, [*outcome.people, *outcome.before])}")
        lines += [f"trace      {line}" for line in place_lines(result)]
    return lines


def refuse_traces(outcome: Forgotten) -> None:
    """Check that a search found nothing, and could search everything.

    Raises:
        FindingsLeftError: it did, or could not.
    """
    if found := sum(result.found for result in outcome.searched):
        what = "1 trace was" if found == 1 else f"{found:,} traces were"
        raise FindingsLeftError(f"{what} found: see the lines above")
    if not all(result.is_clean for result in outcome.searched):
        raise FindingsLeftError("no trace was found, but not everything could be searched")


def _file_lines(word: str, files: Sequence[str]) -> list[str]:
    """Return lines that name all files; crops by their folders, with how many."""
    crops = Counter(name.rpartition("/")[0] for name in files if _is_crop(name))
    names = [*(name for name in files if not _is_crop(name))]
    names += [f"{count:,} crop{'s'[: count != 1]} in {folder}/" for folder, count in sorted(crops.items())]
    return [f"{word:<10} {escape_unseen(name)}" for name in names]


def _is_crop(name: str) -> bool:
    return name.startswith(f"{CROPS}/") and name.count("/") > 1


def _some(names: Iterable[str]) -> str:
    every = [escape_unseen(name) for name in names]
    more = f" and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
