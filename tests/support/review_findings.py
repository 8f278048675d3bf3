"""Findings about who is who, planted: written as a check with a model writes them, proposals and all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facedata.checks.check_folder import open_check_folder
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding, Findings, Kind, Proposal, Severity
from facedata.checks.run_checks import run_checks
from facedata.config import CheckConfig
from facedata.sets.prepared import PreparedSet


class Planter:
    """Makes findings about a set's crops, which are named by their photos.

    Args:
        prepared: the set.
    """

    def __init__(self, prepared: PreparedSet) -> None:
        self.prepared = prepared
        crops = prepared.table("classes", ["id", "photo", "identity"]).to_pylist()
        self.id = {crop["photo"]: crop["id"] for crop in crops}
        self.owner = {crop["photo"]: crop["identity"] for crop in crops}

    def wrong_person(self, photo: str, to: str, **more: Any) -> Finding:
        """Say that a photo looks like somebody else."""
        about = {"value": 0.71, "threshold": 0.4, "proposal": Proposal.MOVE, "score": 0.9, **more}
        why = f"{photo} looks like {to}: similarity 0.71 to {to}'s photos, 0.10 to {self.owner[photo]}'s."
        return self._finding(Kind.WRONG_PERSON, why, photo, to_identity=to, **about)

    def stranger(self, photo: str, **more: Any) -> Finding:
        """Say that a photo looks like nobody."""
        why = (
            f"{photo} is far from {self.owner[photo]}'s other photos (similarity 0.02), and near nobody here."
        )
        about = {"value": 0.02, "threshold": 0.31, "proposal": Proposal.DROP, "score": 0.8, **more}
        return self._finding(Kind.STRANGER, why, photo, **about)

    def swapped(self, photo: str, other: str, **more: Any) -> Finding:
        """Say that two photos are of each other's person."""
        one, two = self.owner[photo], self.owner[other]
        why = f"{photo} looks like {two} and {other} like {one}: they seem to be exchanged."
        about = {"value": 0.65, "threshold": 0.4, "proposal": Proposal.MOVE, "score": 0.85, **more}
        return self._finding(Kind.SWAPPED, why, photo, right=self.id[other], to_identity=two, **about)

    def double_name(self, one: str, other: str, **more: Any) -> Finding:
        """Say that two names are one person."""
        return self._people(Kind.DOUBLE_NAME, one, other, "look like one person", **more)

    def look_alikes(self, one: str, other: str) -> Finding:
        """Say that two people are easily mistaken."""
        about = {"proposal": None, "severity": Severity.NOTE}
        return self._people(Kind.LOOK_ALIKES, one, other, "look alike, but are two", **about)

    def blurred(self, photo: str) -> Finding:
        """Say that a photo is poor."""
        about = {"severity": Severity.NOTE, "score": 0.3, "value": 0.2, "threshold": 0.28}
        return self._finding(
            Kind.BLURRED, "The face is blurred: sharpness 0.20 is below 0.28.", photo, **about
        )

    def official_pair(self, photo: str, other: str) -> Finding:
        """Say that a list calls two photos one person, who look like two."""
        why = f"{photo} and {other} are one person by the list, and look like two."
        return self._finding(Kind.OFFICIAL_PAIR, why, photo, right=self.id[other], score=0.5)

    def same_picture(self, photo: str, other: str, **more: Any) -> Finding:
        """Say that two photos are one picture, an error across people."""
        why = f"{other} is the same picture as {photo}."
        about = {"severity": Severity.ERROR, "value": 0.97, "threshold": 0.72, "score": 0.97, **more}
        return self._finding(
            Kind.SAME_PICTURE, why, photo, right=self.id[other], to_identity=self.owner[other], **about
        )

    def _people(self, kind: Kind, one: str, other: str, what: str, **more: Any) -> Finding:
        first = {person: photo for photo, person in reversed(self.owner.items())}
        about = {"severity": Severity.SUSPECT, "proposal": Proposal.MERGE, "score": 0.95, **more}
        return Finding(
            kind=kind, why=f"{one} and {other} {what}.", left=self.id[first[one]],
            right=self.id[first[other]],
            identity=one, to_identity=other, value=0.62, threshold=0.5, **about,
        )  # fmt: skip

    def _finding(self, kind: Kind, why: str, photo: str, **about: Any) -> Finding:
        about = {"severity": Severity.SUSPECT, "left": self.id[photo], "identity": self.owner[photo], **about}
        return Finding(kind=kind, why=why, **about)

    def write(self, findings: Iterable[Finding], **config: Any) -> Findings:
        """Check the set, and write these findings as further ones of that check."""
        location = self.prepared.path
        with open_check_folder(location) as folder:
            return close_check(folder, run_checks(location, CheckConfig(workers=1, **config)), list(findings))
