"""A threshold that is kept after training, and the run's card, which says which one it is."""

from __future__ import annotations

from typing import Any

from facedata import open_set
from facedata.errors import FacedataError
from facedata.types import Float32Array, Int64Array

from ..models.header import SPEC, training_set_path
from ..recognition.gallery_threshold import SpecFile
from ..scoring.thresholds import Threshold
from .model_card import CARD, write_run_card


class CardedSpecFile(SpecFile):
    """A model's JSON to keep a threshold in; a run's card is written again with it."""

    def keep(
        self, threshold: Threshold, embeddings: Float32Array, person: Int64Array, *, unseen: bool
    ) -> dict[str, Any]:
        """Write a threshold into the JSON, and the card again; see :meth:`.SpecFile.keep`."""
        told = super().keep(threshold, embeddings, person, unseen=unseen)
        folder = self.path.parent
        if self.path.name == SPEC and (folder / CARD).is_file():
            try:
                prepared = open_set(training_set_path(folder) or "")
            except FacedataError:  # it was moved, or is gone: the card says less of it
                prepared = None
            write_run_card(folder, prepared)
        return told
