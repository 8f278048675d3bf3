"""The findings about quality: a note for each poor photo, a suspect for a crop that shows two faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...config import CheckConfig
from ..findings import Finding, Kind, Proposal, Severity


@dataclass(frozen=True)
class PoorKind:
    """A kind of poor photo.

    Attributes:
        kind: of the findings; the option with its threshold has the same name.
        column: of the table of qualities.
        why: what is said of such a photo.
        severity: of the findings.
        proposal: what they propose.
    """

    kind: Kind
    column: str
    why: str
    severity: Severity = Severity.NOTE
    proposal: Proposal | None = None


RULES = (
    PoorKind(Kind.BLURRED, "sharpness", "The face is blurred"),
    PoorKind(Kind.DARK, "not_dark", "The face is too dark"),
    PoorKind(Kind.BRIGHT, "not_bright", "The face is too bright"),
    PoorKind(Kind.FLAT, "contrast", "The face has hardly any contrast"),
    PoorKind(Kind.SMALL, "size", "The face is small in its photo"),
    PoorKind(Kind.TURNED_AWAY, "pose", "The face is turned away"),
    PoorKind(Kind.CUT_OFF, "uncut", "The photo's border cuts the face off"),
    PoorKind(
        Kind.STRADDLING, "unshared", "The crop shows halves of two faces", Severity.SUSPECT, Proposal.DROP
    ),
)


def quality_findings(quality: pa.Table, config: CheckConfig) -> list[Finding]:
    """Return a finding for each quality of each crop that is below its threshold.

    Args:
        quality: as :data:`.measure.QUALITY`; null and NaN are no finding.
        config: its thresholds have the names of the kinds; 0 switches one off.

    Returns:
        The findings by kind, then in the table's order. The score is how far below the threshold a crop is: 0
        at the threshold, 1 where the quality is 0.
    """
    ids, findings = quality.column("id").to_numpy(), list[Finding]()
    for rule in RULES:
        threshold = float(getattr(config, rule.kind.value))
        values = quality.column(rule.column).to_numpy(zero_copy_only=False).astype(np.float64)
        for at in np.flatnonzero(values < threshold):  # NaN is not below
            value = float(values[at])
            # with as many digits as it takes to be below
            rounded = (f"{value:.{digits}f}" for digits in (2, 3, 4, 6))
            shown = next((text for text in rounded if float(text) < threshold), repr(value))
            why = f"{rule.why}: {rule.column} {shown} is below {threshold:g} (0 worst, 1 best)."
            findings.append(
                Finding(
                    rule.kind, rule.severity, 1 - value / threshold, why, left=int(ids[at]), value=value,
                    threshold=threshold, proposal=rule.proposal,
                )
            )  # fmt: skip
    return findings
