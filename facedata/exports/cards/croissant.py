"""croissant.json of an export: what it is and what is in its files, for programs.

Croissant is JSON-LD with the words of schema.org, MLCommons' Croissant 1.0 and its extension for responsible
AI: https://docs.mlcommons.org/croissant/. Where a fact is not known (who made it, when, where it can be had),
there is no property: a reader may warn of it, and nothing is invented.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files.atomic import write_text
from .dataset_card import CARD, EDITED_CARD
from .licences import hub_licence, licence_address
from .record_sets import describe_files, describe_records, list_files
from .set_facts import SetFacts

CROISSANT = "croissant.json"
"""The file in the export's folder."""

_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
    "path": "cr:path", "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate", "sc": "https://schema.org/", "separator": "cr:separator",
    "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
_VERSIONS = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]


def write_croissant(folder: Path, facts: SetFacts, known: Mapping[str, str]) -> None:
    """Write the metadata of an export whose other files are there.

    Args:
        folder: the export's.
        facts: of the set and the export.
        known: the SHA-256 of files that need not be read again, by their path below the folder.

    Raises:
        StoreError: a file cannot be read, or this one cannot be written.
    """
    files, patterns = list_files(folder, (CROISSANT, CARD, EDITED_CARD))
    sets, records = describe_records(folder, files, patterns, facts.note.format == "imagefolder")
    values = {
        **describe_export(facts),
        "distribution": [*describe_files(folder, files, known), *sets],
        "recordSet": records,
    }
    write_text(folder / CROISSANT, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def describe_export(facts: SetFacts) -> dict[str, Any]:
    """Return what is said of the export as a whole."""
    note, check = facts.note, facts.check
    about = f"The format is {note.format}; fingerprint of the set {note.fingerprint}."
    values: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _VERSIONS,
        "name": facts.name,
        "description": f"{facts.summary} {about}",
        "keywords": ["face recognition", "face verification", "biometrics"],
    }
    if note.licence:
        known = hub_licence(note.licence)
        values["license"] = licence_address(known) if known else note.licence
    personal = [
        "Faces, by which people can be told apart: biometric data.",
        "Names of people, in file names, columns or labels.",
    ]
    if facts.meta:
        personal.append(f"Columns of the source: {', '.join(facts.meta)}.")
    limits = facts.list_limits()
    if check.state == "current":
        found = ", ".join(f"{count:,} {kind} ({severity})" for severity, kind, count in check.counts)
        limits.append(f"A check of the set found: {found or 'nothing'}.")
    values |= {
        "rai:personalSensitiveInformation": personal,
        "rai:dataPreprocessingProtocol": facts.list_steps(),
        "rai:dataLimitations": limits,
    }
    if not facts.are_finished and facts.settings.get("detector"):
        values["rai:machineAnnotationTools"] = [f"{facts.settings['detector']}, by facedata {note.facedata}"]
    lost = {name: count for name, count in facts.statuses.items() if name != "kept"}
    if lost:
        said = ", ".join(f"{count:,} {name}" for name, count in lost.items())
        values["rai:dataCollectionMissingData"] = f"Photos that are not in the set: {said}."
    return values
