"""What a command is given: the model first, and a place that results may be written to.

Results are written on this machine only, and never over a file of another kind.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from facedata.errors import NotASetError, SchemaVersionError, StoreError, UsageError
from facedata.files.remote import is_url
from facedata.options import is_utf8
from facedata.tables.parquet import read_footer

from .mining.suspects import KIND as SUSPECTS
from .models.header import BEST, LAST, SPEC, SUFFIX
from .models.ready.table import is_ready
from .recognition.gallery_arrays import NPZ, is_arrays

PARQUET = ".parquet"

_ONNX = ".onnx"


def check_order(command: str, model: str, others: Sequence[str], out: str | None = None) -> None:
    """Check that the model comes first, and one gallery at most before the photos.

    Args:
        command: its name.
        model: what was given first.
        others: what was given after it.
        out: the value of ``--out``.

    Raises:
        UsageError: there are several galleries; or another argument is the model, or a later one the gallery:
            the line has the right order.
    """
    given = [model, *others]
    first = 0 if _is_model(model) else next((at for at, one in enumerate(given) if _is_model(one)), 0)
    rest = given[:first] + given[first + 1 :]
    galleries = [one for one in rest if one.endswith(PARQUET)]
    if command == "identify" and (arrays := [one for one in rest if one.endswith(NPZ)]):
        raise UsageError(
            f"{arrays[0]} is a gallery for other programs: name the {PARQUET} that `facemodel enroll` wrote"
        )
    if command == "identify" and len(galleries) > 1:
        raise UsageError(f"identify takes one gallery: leave out {shlex.join(galleries[1:])}")
    in_order = sorted(rest, key=lambda one: not one.endswith(PARQUET)) if command == "identify" else rest
    if first or in_order != rest:
        what = "the model comes first" if first else "the gallery comes before the photos"
        line = ["facemodel", command, given[first], *in_order, *(["--out", out] if out else [])]
        raise UsageError(f"{what}: {shlex.join(line)}")


def check_set_first(set: object, model: object) -> None:  # noqa: A002  the argument's own name
    """Check that ``check(set, model)`` of Python was not given its arguments in the command's order.

    Raises:
        UsageError: it was.
    """
    if _is_model(str(set)) and not _is_model(str(model)):
        raise UsageError(f"the set comes first: check({str(model)!r}, {str(set)!r})")


def _is_model(text: str) -> bool:
    """Tell whether an argument is a model's name, folder or file, not a set, a photo or a gallery."""
    path = Path(text)
    if is_ready(text):
        return True
    if path.suffix in (_ONNX, SUFFIX):
        return path.is_file()
    return any((path / name).is_file() for name in (SPEC, f"{BEST}{SUFFIX}", f"{LAST}{SUFFIX}"))


def local_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--out`` as a path on this machine.

    Raises:
        UsageError: it is a URL, empty, or not UTF-8 (TensorBoard, among others, cannot write to such a path).
    """
    text = os.fspath(out)
    if is_url(text):
        raise UsageError(
            f"--out {text}: facemodel writes to this machine only; copy the result to the URL yourself"
        )
    if not text or not is_utf8(text):
        raise UsageError(f"--out {text!r}: it takes a path in UTF-8")
    return Path(text)


def folder_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--out`` as a folder to write to; it need not exist yet.

    Raises:
        UsageError: as :func:`local_out` does.
        StoreError: it is a file, or below one.
    """
    path = local_out(out)
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise StoreError(f"cannot write to the folder {path}: {nearest} is a file")
    return path


def csv_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--csv`` as a file to write.

    Raises:
        UsageError: its name does not end in ``.csv``.
        StoreError: it is a folder, or below a file.
    """
    path = local_out(out)
    if path.suffix.lower() != ".csv":
        raise UsageError(f"--csv {path}: the name of the table must end in .csv")
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder")
    folder_out(path.parent)
    return path


def parquet_out(
    out: str | os.PathLike[str], what: str, is_one: Callable[[Path], bool], option: str = "--out"
) -> Path:
    """Return an option's value as a Parquet file to write; see :func:`file_out`."""
    return file_out(option, out, PARQUET, what, is_one)


def suspects_out(suspects: str | None, triplets: Path) -> Path:
    """Return ``--suspects`` as a file to write; by default it is beside the triplets.

    Raises:
        UsageError: it is the file of triplets, its name ends otherwise, or a file of another kind is there.
        StoreError: it is a folder, or its parent is a file.
    """
    if suspects is not None and Path(suspects).resolve() == triplets.resolve():
        raise UsageError(f"--suspects {suspects} is the file of triplets, --out: choose another name")
    path = suspects or triplets.with_suffix(".suspects.parquet")
    return parquet_out(path, "a file of suspects", lambda one: is_table_of(one, SUSPECTS), "--suspects")


def npz_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--npz`` as a file to write; see :func:`file_out`."""
    return file_out("--npz", out, NPZ, "a gallery's arrays", is_arrays)


def file_out(
    option: str, out: str | os.PathLike[str], suffix: str, what: str, is_one: Callable[[Path], bool]
) -> Path:
    """Return an option's value as a file to write; only a file of the same kind may be there already.

    Args:
        option: the option.
        out: the file.
        suffix: how its name must end.
        what: its kind, as messages call it: "a gallery".
        is_one: tells whether a file is of this kind.

    Raises:
        UsageError: its name ends otherwise, or a file of another kind is there.
        StoreError: it is a folder, or its parent is a file.
    """
    path = local_out(out)
    if path.suffix != suffix:
        raise UsageError(f"{option} {path}: the name of {what} must end in {suffix}")
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder")
    folder_out(path.parent)
    if path.exists() and not is_one(path):
        raise UsageError(f"{option} {path} exists and is not {what}: choose another name")
    return path


def is_table_of(path: Path, kind: str) -> bool:
    """Tell whether a file is a table of facedata or facemodel, of this kind (``facedata.kind``)."""
    try:
        return read_footer(path).kind == kind
    except SchemaVersionError:  # one of ours, in another version
        return True
    except NotASetError:
        return False
