"""Runs one after the other, for torchrun: python -m … SET '{"OUT": OPTIONS, …}'."""

from __future__ import annotations

import json
import sys
import warnings

from torch import distributed

from facemodel import fit


def main(faces: str, runs: str) -> None:
    warnings.simplefilter("error")
    distributed.init_process_group("gloo")  # one group for all of them: fit joins the one that is there
    try:
        for out, options in json.loads(runs).items():
            fit(faces, out, **options)
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
