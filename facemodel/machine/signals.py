"""Ctrl-C and SIGTERM: asked to stop, a run first writes what it has done; asked again, it stops at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

logger = logging.getLogger(__name__)

_ECHO_S = 1.0
"""`torchrun` passes on to its processes what a terminal has sent them already."""


@dataclass
class StopRequest:
    """Whether somebody asked to stop.

    Attributes:
        asked: a signal has come.
        waits: a signal only sets ``asked``, for the work to stop where it can resume; else it raises
            KeyboardInterrupt at once.
    """

    asked: bool = False
    waits: bool = False


@contextmanager
def catch_stops() -> Iterator[StopRequest]:
    """Catch SIGINT and SIGTERM while the work runs; the former handlers are restored afterwards.

    A second signal raises KeyboardInterrupt wherever the work is. What is ignored (as under ``nohup``) stays
    ignored, and outside the main thread, where Python allows no handlers, nothing is caught.
    """
    stop, since = StopRequest(), 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if stop.asked and int(os.environ.get("WORLD_SIZE", "1")) > 1 and time.monotonic() - since < _ECHO_S:
            return
        if stop.asked or not stop.waits:
            raise KeyboardInterrupt
        stop.asked, since = True, time.monotonic()
        logger.info("stopping after this step; press Ctrl-C again to stop at once")

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
