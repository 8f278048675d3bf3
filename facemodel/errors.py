"""What can go wrong on the model side, on one page.

::

    FacemodelError (a FacedataError)   base: catch this to catch all of these        exit 1
    ├── ModelError                 MODEL is not there, or is none
    │   ├── ArchitectureError      weights or a checkpoint of another architecture
    │   ├── NewerVersionError      written by a later facemodel than this one
    │   └── SpecError              crops made otherwise than the model's, or a spec that is none
    ├── WeightsError               pretrained weights: not there, wrong SHA-256, not plain tensors
    ├── RunError                   a run folder that cannot be used: other settings, locked, no state
    │   └── CheckpointError        no checkpoint of the run can be read
    ├── DataError                  crops gone or changed, one class, nobody with two photos, no pair
    ├── DeviceError                no such GPU, or out of memory there
    ├── TrainingError              the loss is NaN, or a guard stopped the run
    ├── ScoreError                 scores from which a figure cannot be computed
    ├── GalleryError               a gallery that is none, is empty, or belongs to another model
    └── ExportError                an exported file does not give what the model gives

What the user typed wrong is a :class:`~facedata.errors.UsageError` of facedata (exit 2); a missing package
is its :class:`~facedata.errors.MissingExtraError`.
"""

from __future__ import annotations

from facedata.errors import FacedataError


class FacemodelError(FacedataError):
    """Base of every error this package raises on purpose; its text is meant for the user."""


class ModelError(FacemodelError):
    """There is no model where one was named, or it cannot be read."""


class ArchitectureError(ModelError):
    """Weights or a checkpoint were made by another network than the one that should take them."""


class NewerVersionError(ModelError):
    """A file was written by a later version of facemodel."""


class SpecError(ModelError):
    """Crops were made otherwise than those the model knows; or an input spec is missing or malformed."""


class WeightsError(FacemodelError):
    """Pretrained weights are missing, have the wrong SHA-256, or hold more than tensors."""


class RunError(FacemodelError):
    """A run folder cannot be written or gone on with."""


class CheckpointError(RunError):
    """A run was to go on, and none of its checkpoints can be read."""


class DataError(FacemodelError):
    """The set cannot train or test this: crops gone or changed, one class, nobody with two photos."""


class DeviceError(FacemodelError):
    """A GPU was asked for that is not there, or its memory is too small."""


class TrainingError(FacemodelError):
    """Training went wrong: the loss is NaN, or a guard was asked to stop it."""


class ScoreError(FacemodelError):
    """Scores from which no figure can be computed: NaN, or one kind of pair only."""


class GalleryError(FacemodelError):
    """A gallery is malformed or empty, or was made by another model."""


class ExportError(FacemodelError):
    """An exported file cannot be made, or does not give what the model gives."""
