"""Whatever a program's own escaping makes of a name is among the spellings, or becomes the name again."""

from __future__ import annotations

import html
import json
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.forgetting.traces.spellings import spell_text, unescape_text
from facedata.plan.crop_names import safe_name

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(NAMES)
def test_every_escaping_is_spelled(name: str) -> None:
    spelled = spell_text(name, is_name=True)
    for one in (
        name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], html.escape(name),
        quote(name), quote(name, safe=""), quote_plus(name), safe_name(name, name),
        unicodedata.normalize("NFD", name),
    ):  # fmt: skip
        assert one.encode() in spelled, one


@given(NAMES)
def test_escapes_are_taken_back(name: str) -> None:
    nfc = unicodedata.normalize("NFC", name)
    if not {*name} & {*"\\&%"}:
        assert unescape_text(json.dumps(name)[1:-1]) == nfc
        assert unescape_text(quote(name)) == nfc
        assert unescape_text("".join(f"&#{ord(letter)};" for letter in name if ord(letter) > 159)) == (
            unicodedata.normalize("NFC", "".join(letter for letter in name if ord(letter) > 159))
        )


@pytest.mark.parametrize("text", ["\\ud83d", "\\u12", "%zz %", "&#xffffffff;", "&nothing;", "\\"])
def test_what_only_looks_like_an_escape_does_no_harm(text: str) -> None:
    unescape_text(text).encode("utf-8", "surrogatepass")
