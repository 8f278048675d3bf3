"""A package that is not installed is one line that says how to install it."""

from __future__ import annotations

import re
import sys

import pytest

from facedata.errors import MissingExtraError
from facemodel.machine.extras import require_extra


def test_the_message_says_which_package_and_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    text = "this needs the extra facedata[export] (litert-torch): pip install"
    with pytest.raises(MissingExtraError, match=re.escape(text)):
        require_extra("json", "litert_torch", extra="export")
