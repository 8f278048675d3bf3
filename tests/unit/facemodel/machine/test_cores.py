"""Processes of one machine share its cores."""

from __future__ import annotations

import pytest

from facemodel.machine import cores
from facemodel.machine.cores import own_cores


def test_processes_of_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 6)
    assert own_cores() == 6
    for world, wanted in (("4", 1), ("2", 3), ("100", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", world)
        assert own_cores() == wanted
