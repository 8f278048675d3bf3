"""log.jsonl: what happened when and where, outside the byte promise."""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import StoreError

LOG = "log.jsonl"


class RunLog:
    """Appends one JSON object a line to a set's log.jsonl."""

    def __init__(self, out: Path) -> None:
        self._file = out / LOG

    def write(self, event: str, **values: Any) -> None:
        """Append an event with the time (UTC), host and process.

        Raises:
            StoreError: the file cannot be written.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": now, "host": socket.gethostname(), "pid": os.getpid(), "event": event, **values}
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StoreError(f"cannot write {self._file}: {error.strerror or error}") from error
