"""How a text may be written in a file: escaped for JSON, HTML and URLs, as a folder, in other encodings."""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
from urllib.parse import quote, quote_plus, unquote

from ...photos.paths import restore_bytes
from ...plan.crop_names import safe_name

_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(["\\/bfnrt]))')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PERCENT = re.compile(rb"%[0-9A-F]{2}")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def spell_text(text: str, *, is_name: bool = False) -> set[bytes]:
    r"""Return the ways in which a text may be written in UTF-8, by anything that escapes it.

    Args:
        text: a name, or a path with ``/`` between its parts.
        is_name: it names a person, and so perhaps a crop's folder.

    >>> {b"Zo\xc3\xab", b"Zoe\xcc\x88", b"Zo%c3%ab", b"Zo\\u00eb", b"Zo&#235;"} < spell_text("Zoë")
    True
    """
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text}
    parts = [forms]
    for one in list(forms):
        escaped = json.dumps(one)[1:-1]
        parts.append(
            {escaped, re.sub(r"\\u[0-9a-f]{4}", lambda found: r"\u" + found[0][2:].upper(), escaped)}
        )
        parts.append({json.dumps(one, ensure_ascii=False)[1:-1]})
        parts.append(
            {html.escape(one), html.escape(one, quote=False), html.escape(one).replace("&#x27;", "&#39;")}
        )
        parts.append({html.escape(one).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")})
        parts.append({"".join(c if c.isascii() else f"&#{ord(c)};" for c in html.escape(one))})
        encoded = one.encode("utf-8", "surrogatepass")
        parts.append({quote(encoded), quote(encoded, safe=""), quote_plus(encoded)} if encoded else set())
        parts.append({safe_name(one, one)} if is_name else set())
    spelled = {one.encode("utf-8", "surrogatepass") for some in parts for one in some}
    spelled |= {_PERCENT.sub(lambda found: found[0].lower(), one) for one in spelled if b"%" in one}
    # the bytes of a name that is not UTF-8, as they are on disk
    return {one for one in spelled | {restore_bytes(text).encode("utf-8", "surrogateescape")} if one}


def spell_wide(text: str) -> set[bytes]:
    """Return a text in other encodings than UTF-8: in UTF-16, and in that of old spreadsheets."""
    wide = {text.encode(encoding, "surrogatepass") for encoding in ("utf-16-le", "utf-16-be")}
    if not text.isascii():
        with contextlib.suppress(UnicodeEncodeError):
            wide.add(text.encode("cp1252"))
    return wide


def unescape_text(text: str) -> str:
    r"""Return a text with the escapes of JSON, HTML and URLs replaced by what they stand for, in NFC.

    >>> print(unescape_text(r'"A\u006ena \ud83d\ude00" Zoe&#x308; Ann%20Lee'))
    "Anna 😀" Zoë Ann Lee
    """

    def unescape_one(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return chr(int(number, 16)) if number else _PLAIN.get(found[3], found[3])

    if "\\" in text:
        text = _JSON_ESCAPE.sub(unescape_one, text)
        text = _SURROGATES.sub(
            lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
        )
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = unquote(text, errors="surrogateescape")
    return text if text.isascii() else unicodedata.normalize("NFC", text)
