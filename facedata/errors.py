"""What can go wrong, on one page.

::

    FacedataError                 base: catch this to catch them all            exit 1
    ├── UsageError                impossible or unknown options                 exit 2
    │   └── CorrectionsError      lines of corrections that cannot be applied
    ├── SourceError               the source is missing, empty or malformed
    │   ├── UnsafeArchiveError    an archive member points outside the archive
    │   ├── DownloadError         a download failed or has the wrong SHA-256
    │   ├── WrongBoxesError       the source's boxes do not fit the faces found
    │   └── PhotosLostError       photos of a finished set are missing or changed
    ├── SetError                  the output folder does not hold what it should
    │   ├── NotASetError          no dataset.json in the folder, or not ours
    │   ├── UnfinishedSetError    a run was interrupted and not rerun
    │   ├── OtherSettingsError    prepared with other settings
    │   ├── SchemaVersionError    written by an older or newer schema
    │   ├── OtherSetError         a file that belongs to another set (fingerprint)
    │   ├── ChangedMeanwhileError a file was changed by something else while it was worked on
    │   └── LockedError           another run is working on it
    ├── StoreError                the output cannot be written (full, read-only …)
    ├── SampleError               no pair or triplet can be drawn
    ├── FindingsLeftError         a check left errors or undecided suspects
    ├── NothingKeptError          there were photos, but no face was kept
    ├── DetectorError             a detector returned nonsense, or cannot be made
    ├── EngineError               workers keep dying, or a cluster cannot be used
    └── MissingExtraError         an optional package is not installed

    ImageError                    one photo cannot be used: becomes its ledger row
    ├── UnreadableImageError
    ├── UnsupportedImageError
    ├── TooLargeImageError
    └── ForgottenImageError   its bytes are of a photo that was removed at a person's request

A problem that the user can fix is a :class:`FacedataError`. A problem with one photo is an
:class:`ImageError`, which never leaves the shard: it becomes the photo's ledger row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_MOST_LINES = 20
"""The most lines of corrections that an error shows."""


class FacedataError(Exception):
    """Base of every error this package raises on purpose; its text is meant for the user."""

    exit_status = 1


class UsageError(FacedataError):
    """Options are unknown, contradict each other or are out of range."""

    exit_status = 2


class CorrectionsError(UsageError):
    """Lines of a file of corrections cannot be applied; nothing was.

    Attributes:
        lines: a text for each problem, beginning with the file's and the line's place.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        more = f"\n  and {len(lines) - _MOST_LINES:,} more" if len(lines) > _MOST_LINES else ""
        some = "".join(f"\n  {line}" for line in lines[:_MOST_LINES])
        count = f"{len(lines):,} problems" if len(lines) > 1 else "a problem"
        super().__init__(f"{count} in the corrections, none of which was applied:{some}{more}")
        self.lines = list(lines)


class SourceError(FacedataError):
    """The source of the photos is missing, empty or malformed."""


class UnsafeArchiveError(SourceError):
    """An archive member would be written outside its folder, or is a link or device."""


class DownloadError(SourceError):
    """A download failed, or its content does not have the pinned SHA-256."""


class WrongBoxesError(SourceError):
    """The boxes that the source gives do not fit the faces found; they may be written in another form."""


class PhotosLostError(SourceError):
    """Photos of a finished set are missing or have changed.

    Attributes:
        photos: their paths below the source root, each with the reason, such as ``gone``.
    """

    def __init__(self, message: str, photos: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.photos = list(photos)


class SetError(FacedataError):
    """A prepared set is missing, incomplete, or not the expected one."""


class NotASetError(SetError):
    """The folder holds no prepared set."""


class UnfinishedSetError(SetError):
    """The folder holds a set whose `prepare` did not finish; run it again to finish it."""


class OtherSettingsError(SetError):
    """The folder holds a set prepared with other settings; the message names them."""


class SchemaVersionError(SetError):
    """A file was written under another version of the schema."""


class OtherSetError(SetError):
    """A file belongs to another set: its fingerprint differs."""


class ChangedMeanwhileError(SetError):
    """A file was changed by something else while it was worked on, and is not overwritten."""


class LockedError(SetError):
    """Another run is working on this output."""


class StoreError(FacedataError):
    """The output cannot be written: disk full, read-only, no permission."""


@contextmanager
def writing(path: object) -> Iterator[None]:
    """Turn the system's errors about writing ``path`` into a :class:`StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


class SampleError(FacedataError):
    """No pair or triplet can be drawn: there is only one person, or no person has two photos."""


class FindingsLeftError(FacedataError):
    """A check found errors, or suspects that nobody has decided about; its files list them."""


class NothingKeptError(FacedataError):
    """The source held photos, but none was kept; the ledger has the reason for each."""


class DetectorError(FacedataError):
    """A detector cannot be made, or returned something that is not a face."""


class EngineError(FacedataError):
    """Workers keep dying, or a cluster cannot be reached or used."""


class MissingExtraError(FacedataError):
    """An optional package that is needed here is not installed."""

    @classmethod
    def of(cls, what: str, extra: str, cause: object = None) -> MissingExtraError:
        """Return the error that ``what`` needs a package of an extra, with the command that installs it."""
        because = f" ({cause})" if cause else ""
        return cls(f"{what} needs the extra facedata[{extra}]{because}: {install_command(extra)}")


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation: from a checkout, an archive or an index."""
    from importlib.metadata import PackageNotFoundError, distribution  # rarely needed, and slow to import
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(distribution("facedata").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):  # not installed at all, or a file that no installer wrote
        origin = {}
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        folder = Path(unquote(urlsplit(url).path))
        editable = "--editable " if origin["dir_info"].get("editable") else ""
        return f"pip install {editable}'{'.' if folder == Path.cwd() else folder}[{extra}]'"
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}"
    return f"pip install 'facedata[{extra}]{f' @ {url}' if url else ''}'"


class ImageError(Exception):
    """One photo cannot be used; ``str(error)`` is the reason its ledger row gives."""


class UnreadableImageError(ImageError):
    """Truncated, empty, damaged, or not an image at all."""


class UnsupportedImageError(ImageError):
    """A format that is not read here: a video, or a photo whose extra is missing or that nothing reads."""


class TooLargeImageError(ImageError):
    """More pixels than ``--max-pixels`` allows, by its header; nothing was decoded."""


class ForgottenImageError(ImageError):
    """The bytes of a photo that was removed from the set at a person's request; nothing is done with it."""
