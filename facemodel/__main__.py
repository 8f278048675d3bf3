"""``python -m facemodel``, as ``torchrun --nproc-per-node 2 -m facemodel fit …`` runs it."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
