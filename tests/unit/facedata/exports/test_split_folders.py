"""The names of splits in an export: safe, none alike, and read back."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from facedata.exports.split_folders import changed_names, name_splits

words = st.sampled_from(["README.md", "readme.MD", "croissant.json"])
names = st.lists(
    (words | st.text(min_size=1, max_size=8)).filter(lambda name: name.strip()), unique=True, max_size=8
)


@given(names, st.booleans())
def test_names_are_safe_and_lead_back(splits: list[str], some_in_none: bool) -> None:
    named = name_splits([*splits, None] if some_in_none else splits)
    assert list(named) == [*splits, *([None] if some_in_none else [])]
    folded = [unicodedata.normalize("NFC", name).casefold() for name in named.values()]
    assert len({*folded, "readme.md", "croissant.json"}) == len(folded) + 2
    assert not any(set(name) & set('/\\\0\n:*?"<>|') or name in (".", "..", "") for name in named.values())
    back = changed_names(named)
    assert [back.get(name, name) for name in named.values()] == [split or "" for split in named]


def test_a_split_called_like_no_split_gives_way() -> None:
    named = name_splits(["train", "unassigned", None])
    assert named[None] == "unassigned"
    assert named["unassigned"] != "unassigned"
    assert name_splits(["unassigned"]) == {"unassigned": "unassigned"}
