"""Several files written under temporary names and renamed together: all of them, or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import writing


class StagedFiles:
    """Files being written; those that are not committed when the block ends are removed.

    ::

        with StagedFiles() as staged:
            with staged.open(folder / "a.json") as file:
                file.write(b"{}")
            staged.commit()
    """

    def __init__(self) -> None:
        self._temporary: dict[Path, Path] = {}

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for temporary in self._temporary.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def open(self, path: Path) -> Iterator[IO[bytes]]:
        """Write a file under a temporary name; it is flushed to disk when the block ends.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.path(path).open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())

    def path(self, path: Path) -> Path:
        """Return where a file is until it is committed; for libraries that write to a path themselves."""
        return self._temporary.setdefault(path, path.with_name(f".{path.name}.tmp"))

    def commit(self) -> None:
        """Rename the files to their final names, in the order in which they were staged.

        Raises:
            StoreError: a rename fails.
        """
        while self._temporary:
            path = next(iter(self._temporary))
            with writing(path):
                self._temporary[path].replace(path)
            del self._temporary[path]
