"""Where facedata's time goes on one core: its stages, wrapped in clocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

STAGES = ("read", "decode", "detect", "warp", "encode", "write")


class Clocks:
    """Seconds spent in each stage; a stage within another counts once, for itself."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._inner = [0.0]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its clock."""

        def wrapper(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            before = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - before
                self.seconds[stage] += took - self._inner.pop()
                self._inner[-1] += took

        return wrapper

    @contextmanager
    def wrapped(self) -> Iterator[None]:
        """Put the clocks around the stages while the block runs."""
        from facedata.crops import cut
        from facedata.photos import picture
        from facedata.work import stage
        from tests.benchmark import contenders

        # each where it is called, since modules import names
        places = [
            ("decode", picture, "decode"), ("decode", picture, "read_header"),
            ("detect", stage, "find_upright_faces"), ("warp", cut, "warp"), ("encode", stage, "encode_crop"),
            ("read", contenders, "_read"), ("write", Path, "write_bytes"),
        ]  # fmt: skip
        with ExitStack() as stack:
            for label, owner, name in places:
                stack.enter_context(patch.object(owner, name, self.timed(label, getattr(owner, name))))
            yield


def shares(detector: str, photos: Sequence[Path], out: Path, rule: str) -> dict[str, float]:
    """Return each stage's share of the time, 0 … 1, and ``rest`` for what lies between them."""
    from tests.benchmark.contenders import facedata_way

    way = facedata_way(detector)
    way(photos[:8], out, rule)  # networks are loaded
    clocks = Clocks()
    before = time.perf_counter()
    with clocks.wrapped():
        way(photos, out, rule)
    whole = time.perf_counter() - before
    if unseen := [stage for stage, seconds in clocks.seconds.items() if not seconds]:
        raise RuntimeError(f"nothing of {', '.join(unseen)} was timed: it is called elsewhere now")
    found = {stage: seconds / whole for stage, seconds in clocks.seconds.items()}
    return {**found, "rest": 1 - sum(found.values())}
