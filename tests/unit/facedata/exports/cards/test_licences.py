"""Licences as people write them, and what the hub calls them; nothing is guessed."""

from __future__ import annotations

import pytest

from facedata.exports.cards.licences import hub_licence, licence_address, licence_head


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("CC BY 4.0", "cc-by-4.0"), ("cc-by-4.0", "cc-by-4.0"), ("CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("Creative Commons Attribution ShareAlike 3.0", "cc-by-sa-3.0"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd-4.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0/", "cc-by-sa-4.0"),
        ("http://creativecommons.org/licenses/by/2.5/deed.en", "cc-by-2.5"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"), ("CC0", "cc0-1.0"),
        (" MIT ", "mit"), ("Apache-2.0", "apache-2.0"), ("ODbL-1.0", "odbl"),
        ("CC BY 9.0", None), ("CC BY-ND 2.0", None), ("by", None), ("public domain", None), ("mine", None),
        ("", None), ("CC BY 4.0 for Anna only", None), ("not MIT", None), ("CC BY-SA-NC 4.0", None),
        ("https://creativecommons.org/licenses/x/4.0/", None),
    ],
)  # fmt: skip
def test_a_licence_is_known_only_where_the_whole_text_is_one(text: str, known: str | None) -> None:
    assert hub_licence(text) == known
    if known is not None:
        assert licence_head(text) == {"license": known}
        assert licence_address(known).startswith("https://")


def test_others_have_a_name_that_hubs_take() -> None:
    assert licence_head("  ") == {"license": "unknown"}
    head = licence_head("x" * 50 + " ---\nlicense: mit " + "y" * 50)
    assert head == {"license": "other", "license_name": "x" * 50 + "-license-m"}
    assert licence_head("我们的")["license_name"] == "see-the-card"
    assert licence_head("-- a.b --")["license_name"] == "a.b"
