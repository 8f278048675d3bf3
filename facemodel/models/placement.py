"""Where a face lies in a network's input, as numbers for programs that cut crops (docs/deploy.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from facedata.config import TEMPLATES
from facedata.options import look_up

from ..spec import InputSpec


def describe_placement(spec: InputSpec) -> dict[str, Any]:
    """Return what the JSON beside an exported file says about placing a face.

    Args:
        spec: the model's input spec.

    Returns:
        ``template_points``: five x y in pixels of the network's input, pixel centres at whole numbers; None
        if the template does not go by the landmarks. And ``template_box``: ``margin``, ``level_eyes`` and
        ``stretch`` of :class:`facedata.crops.align.BoxRule`, the spec's margin included; None if it does not
        go by the box.

    >>> describe_placement(InputSpec(160, "facenet160", 512))["template_box"]
    {'margin': 0.125, 'level_eyes': False, 'stretch': True}
    """
    row = look_up(TEMPLATES, spec.template)
    points, box = None, None
    if row.box_rule is not None:
        box = {**asdict(row.box_rule), "margin": row.box_rule.margin + spec.margin}
    elif row.points is not None:
        # the template's own crop, scaled by its side, and that crop resized to the network's input
        crop_px = spec.crop_px or spec.size_px
        own = row.points * (crop_px / row.size_px)
        points = ((own + 0.5) * (spec.size_px / crop_px) - 0.5).tolist()
    return {"template_points": points, "template_box": box}
