"""The command line of facemodel; its commands come with the model side of the project."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the help; there is no command yet."""
    parser = argparse.ArgumentParser(
        prog="facemodel",
        description="Train, evaluate and ship face-embedding models from a set that `facedata prepare` made. "
        "This version has no commands yet.",
    )
    parser.parse_args(arguments)
    parser.print_help()
    return 0
