"""A disk of our own that is soon full."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A tmpfs mount."""

    folder: Path

    def remount(self, options: str) -> None:
        """Change its size, or make it read-only."""
        subprocess.run(
            ["mount", "-o", f"remount,{options}", self.folder],
            check=True,
            capture_output=True,
        )
