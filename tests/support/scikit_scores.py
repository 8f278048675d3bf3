"""Figures of a set's pairs computed again, by scikit-learn, from the files: nothing of ours is called."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)
from sklearn.metrics.pairwise import paired_cosine_distances, paired_euclidean_distances

_MEAN = np.array([0.485, 0.456, 0.406])
_STD = np.array([0.229, 0.224, 0.225])


class ScikitScores:
    """A set's pairs as scikit-learn scores them.

    Args:
        folder: the set.
        network: MobileFaceNet, an ONNX file of batch 1.
    """

    def __init__(self, folder: Path, network: Path) -> None:
        import onnxruntime

        self._folder = folder
        self._session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
        self.pairs = pd.read_parquet(folder / "pairs.parquet")
        self._embed = cache(self._embedded)

    def figures(self, metric: str, choose_on: str = "train", test_on: str = "test") -> dict[str, Any]:
        """Choose a threshold on one split and return the figures of another."""
        train, test = (self._scores(metric, split) for split in (choose_on, test_on))
        threshold = best(*train)
        likeness, same = test
        said = likeness >= threshold
        return {
            "threshold": threshold if metric == "cosine" else -threshold,
            "accuracy": accuracy_score(same, said),
            "precision": precision_score(same, said),
            "recall": recall_score(same, said),
            "f1": f1_score(same, said),
            "confusion": confusion_matrix(same, said).tolist(),
            "auc": roc_auc_score(same, likeness),
        }

    def over_folds(self, metric: str) -> tuple[float, float]:
        """Return LFW's accuracy over the ten folds and its standard error."""
        likeness, same = self._scores(metric, "test")
        fold = self.pairs[self.pairs.split == "test"].fold.to_numpy()
        found = []
        for number in range(10):
            threshold = best(likeness[fold != number], same[fold != number])
            found.append(accuracy_score(same[fold == number], likeness[fold == number] >= threshold))
        return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(10))

    def _scores(self, metric: str, split: str) -> tuple[Any, Any]:
        mine = self.pairs[self.pairs.split == split]
        sides = [np.stack([self._embed(path) for path in mine[side]]) for side in ("left_path", "right_path")]
        if metric == "cosine":
            return 1 - paired_cosine_distances(*sides), mine.same.to_numpy(bool)
        return -paired_euclidean_distances(*sides), mine.same.to_numpy(bool)

    def _embedded(self, path: str) -> Any:
        image: Any = cv2.imread(str(self._folder / "crops" / path))
        values = ((image[..., ::-1] / 255 - _MEAN) / _STD).transpose(2, 0, 1)[None].astype(np.float32)
        (found,) = self._session.run(None, {self._session.get_inputs()[0].name: values})
        return found[0].astype(np.float64)


def best(likeness: Any, same: Any) -> float:
    """Return the first of scikit-learn's thresholds that is right most often."""
    _, _, thresholds = roc_curve(same, likeness)
    return float(max(thresholds, key=lambda threshold: accuracy_score(same, likeness >= threshold)))
