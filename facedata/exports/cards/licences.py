"""A licence as people write it → the hub's identifier, and where the licence can be read."""

from __future__ import annotations

import re

_CREATIVE = re.compile(
    r"(?:creative commons|cc)?[ -]*(?P<terms>by(?:-nc)?(?:-(?:sa|nd))?)[ -]*v?(?P<version>[1-4]\.[05])"
    r"(?: international| unported)?"
)
_WORDS = (
    ("attribution", "by"), ("noncommercial", "nc"), ("non-commercial", "nc"), ("sharealike", "sa"),
    ("share-alike", "sa"), ("noderivatives", "nd"), ("noderivs", "nd"), ("no-derivatives", "nd"),
)  # fmt: skip
_ADDRESS = re.compile(
    r"https?://creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/([1-4]\.[05])/?(?:deed.*|legalcode.*)?"
)
_OTHERS = {
    "cc0": "cc0-1.0", "cc0-1.0": "cc0-1.0", "cc0 1.0": "cc0-1.0", "cc0 1.0 universal": "cc0-1.0",
    "pddl": "pddl", "pddl-1.0": "pddl", "odbl": "odbl", "odbl-1.0": "odbl",
    "odc-by": "odc-by", "odc-by-1.0": "odc-by", "mit": "mit", "mit license": "mit", "mit licence": "mit",
    "apache-2.0": "apache-2.0", "apache 2.0": "apache-2.0", "apache license 2.0": "apache-2.0",
    "bsd-3-clause": "bsd-3-clause", "bsd-2-clause": "bsd-2-clause", "gpl-3.0": "gpl-3.0",
    "unlicense": "unlicense", "cdla-permissive-2.0": "cdla-permissive-2.0",
    "cdla-permissive-1.0": "cdla-permissive-1.0",
    "cdla-sharing-1.0": "cdla-sharing-1.0", "c-uda": "c-uda",
}  # fmt: skip
_VERSIONS = {
    "by": ("2.0", "2.5", "3.0", "4.0"), "by-sa": ("3.0", "4.0"), "by-nc": ("2.0", "3.0", "4.0"),
    "by-nd": ("4.0",), "by-nc-sa": ("2.0", "3.0", "4.0"), "by-nc-nd": ("3.0", "4.0"),
}  # fmt: skip
"""Of the Creative Commons licences, those that the hub knows."""

_MOST_LETTERS = 60


def hub_licence(text: str) -> str | None:
    """Return the hub's identifier of a licence; None for one that it does not know by this text.

    >>> here = "https://creativecommons.org/licenses/by/4.0/"
    >>> [hub_licence(text) for text in ("CC BY-SA 4.0", here, "MIT")]
    ['cc-by-sa-4.0', 'cc-by-4.0', 'mit']
    >>> hub_licence("CC BY 4.0, but ask Anna first") is hub_licence("my own") is None
    True
    """
    plain = " ".join(text.casefold().split()).rstrip(".")
    if plain in _OTHERS:
        return _OTHERS[plain]
    if address := _ADDRESS.fullmatch(plain):
        where, terms, version = address.groups()
        if where == "publicdomain":
            return "cc0-1.0" if (terms, version) == ("zero", "1.0") else None
    else:
        for word, short in _WORDS:
            plain = plain.replace(word, short)
        found = _CREATIVE.fullmatch(re.sub(r"\b(by|nc|sa|nd) (?=nc|sa|nd)", r"\1-", plain))
        if found is None:
            return None
        terms, version = found["terms"], found["version"]
    return f"cc-{terms}-{version}" if version in _VERSIONS.get(terms, ()) else None


def licence_address(identifier: str) -> str:
    """Return where a licence that :func:`hub_licence` knows can be read.

    >>> licence_address("cc-by-nc-4.0"), licence_address("mit")
    ('https://creativecommons.org/licenses/by-nc/4.0/', 'https://spdx.org/licenses/MIT.html')
    """
    if identifier == "cc0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if identifier.startswith("cc-by"):
        terms, _, version = identifier.removeprefix("cc-").rpartition("-")
        return f"https://creativecommons.org/licenses/{terms}/{version}/"
    spdx = {
        "mit": "MIT", "apache-2.0": "Apache-2.0", "bsd-3-clause": "BSD-3-Clause",
        "bsd-2-clause": "BSD-2-Clause", "gpl-3.0": "GPL-3.0-only", "unlicense": "Unlicense",
        "pddl": "PDDL-1.0", "odbl": "ODbL-1.0", "odc-by": "ODC-By-1.0", "c-uda": "C-UDA-1.0",
        "cdla-permissive-2.0": "CDLA-Permissive-2.0",
        "cdla-permissive-1.0": "CDLA-Permissive-1.0", "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    }  # fmt: skip
    return f"https://spdx.org/licenses/{spdx[identifier]}.html"


def licence_head(text: str | None) -> dict[str, str]:
    """Return what a card's YAML says of a licence.

    >>> licence_head("CC0"), licence_head(None)
    ({'license': 'cc0-1.0'}, {'license': 'unknown'})
    >>> licence_head("For research at Uni X only!")
    {'license': 'other', 'license_name': 'for-research-at-uni-x-only'}
    """
    if text is None or not text.strip():
        return {"license": "unknown"}
    if known := hub_licence(text):
        return {"license": known}
    name = re.sub(r"[^a-z0-9.]+", "-", text.casefold())[:_MOST_LETTERS].strip("-.")
    return {"license": "other", "license_name": name or "see-the-card"}
