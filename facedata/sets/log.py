"""log.jsonl: what each run did, when and where; the only file whose bytes differ from run to run."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import writing

LOG = "log.jsonl"


class RunLog:
    """Appends to a set's log.jsonl, one JSON object per line."""

    def __init__(self, out: Path) -> None:
        self._file = out / LOG

    def write(self, event: str, **values: Any) -> None:
        """Append an event with the time (UTC), host and process.

        Raises:
            StoreError: the file cannot be written.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": now, "host": socket.gethostname(), "pid": os.getpid(), "event": event, **values}
        with writing(self._file), self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """Also write the package's warnings to this log while the block runs."""
        handler = _Handler(self)
        logger = logging.getLogger("facedata")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: RunLog) -> None:
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one warning."""
        self.log.write("warning", text=record.getMessage())
