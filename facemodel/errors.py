"""What can go wrong on the model side, on one page.

::

    FacemodelError (a FacedataError)   base: catch this to catch all of these        exit 1
    ├── ModelError                 MODEL does not exist, or is not a model
    │   ├── ArchitectureError      weights or a checkpoint of another architecture
    │   ├── NewerVersionError      written by a later facemodel than this one
    │   └── SpecError              crops made differently from the model's, or a malformed spec
    ├── WeightsError               pretrained weights: missing, wrong SHA-256, not plain tensors
    ├── RunError                   a run folder that cannot be used: other settings, locked, no state
    │   └── CheckpointError        no checkpoint of the run can be read
    ├── DataError                  crops gone or changed, one class, no person with two photos, no pair
    ├── DeviceError                no such GPU, or out of memory
    ├── TrainingError              the loss is NaN, or a guard stopped the run
    ├── ScoreError                 scores from which a metric cannot be computed
    ├── GalleryError               a gallery that is malformed, empty, or of another model
    └── ExportError                an exported file returns something other than the model

:class:`Interrupted` is Ctrl-C's KeyboardInterrupt, once a run has written what it had done.

Wrong options are facedata's :class:`~facedata.errors.UsageError` (exit 2); a missing package is its
:class:`~facedata.errors.MissingExtraError`.
"""

from __future__ import annotations

from facedata.errors import FacedataError


class FacemodelError(FacedataError):
    """Base of every error that this package raises on purpose; the message is for the user."""


class ModelError(FacemodelError):
    """The named model does not exist, or cannot be read."""


class ArchitectureError(ModelError):
    """Weights or a checkpoint belong to another network than the one that loads them."""


class NewerVersionError(ModelError):
    """A file was written by a later version of facemodel."""


class SpecError(ModelError):
    """Crops were made differently from the model's, or an input spec is missing or malformed."""


class WeightsError(FacemodelError):
    """Pretrained weights are missing, have the wrong SHA-256, or hold more than tensors."""


class RunError(FacemodelError):
    """A run folder cannot be written or resumed."""


class CheckpointError(RunError):
    """A run cannot be resumed: none of its checkpoints can be read."""


class DataError(FacemodelError):
    """The set cannot be used: crops are gone or changed, one class only, no person with two photos."""


class DeviceError(FacemodelError):
    """The requested GPU does not exist, or its memory is too small."""


class TrainingError(FacemodelError):
    """Training went wrong: the loss is NaN, or a guard stopped it."""


class Interrupted(KeyboardInterrupt):
    """A run was stopped by Ctrl-C or SIGTERM; what it had done is in its last checkpoint.

    Attributes:
        where: how far it had come, such as ``in epoch 3, after step 17``.
        resumes: there is a checkpoint to resume from; else the run is to be started again.
    """

    def __init__(self, where: str, resumes: bool) -> None:
        self.where, self.resumes = where, resumes
        remedy = "continue with resume=True" if resumes else "nothing was trained; start it again"
        super().__init__(f"stopped {where}: {remedy}")


class ScoreError(FacemodelError):
    """Scores from which no metric can be computed: NaN, or one kind of pair only."""


class GalleryError(FacemodelError):
    """A gallery is malformed or empty, or was made with another model."""


class ExportError(FacemodelError):
    """An exported file cannot be made, or returns something other than the model."""
