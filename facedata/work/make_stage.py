"""The stage of ``prepare``, and the detector that it needs: by the options."""

from __future__ import annotations

from ..config import PrepareConfig
from ..detect.base import DetectorFactory
from ..detect.factory import make_factory
from ..detect.mtcnn.factory import MtcnnFactory
from ..detect.mtcnn.on_gpu.factory import MtcnnOnGpuFactory
from ..errors import UsageError
from ..sources.base import PhotoReader
from .run import OnStep
from .stage import FindAndCrop, Stage
from .take_crops import TakeCrops


def choose_detector(
    config: PrepareConfig, given: DetectorFactory | None, on_step: OnStep
) -> DetectorFactory | None:
    """Return what makes the detector in each worker; None for finished crops.

    Weights are downloaded here, once, before any worker starts.

    Args:
        config: the options.
        given: what the caller gives instead of the detector that the options name.
        on_step: called with what is done.

    Raises:
        UsageError: there is no such detector, it takes no weights, or one is given for finished crops.
        DownloadError: the weights cannot be had.
        MissingExtraError: the detector needs a package that is not installed.
    """
    if config.as_crops and given is not None:
        raise UsageError("a detector is given, and with as_crops no face is looked for: drop one of the two")
    if config.as_crops or given is not None:
        return given
    on_step(f"looking for the weights of {config.detector}")
    factory = make_factory(config.detector, config.min_face, config.device, config.weights, config.cache)
    if isinstance(factory, MtcnnFactory) and factory.device == "cuda":
        return MtcnnOnGpuFactory(factory.min_face_px, factory.device)
    return factory


def make_stage(
    config: PrepareConfig, search: str, reader: PhotoReader, detector: DetectorFactory | None
) -> Stage:
    """Return what processes the photos.

    Args:
        config: the options.
        search: as in :class:`.stage.CropRules`.
        reader: reads the photos' bytes.
        detector: from :func:`choose_detector`.
    """
    if detector is None:
        return TakeCrops.of(config, reader)
    if isinstance(detector, MtcnnOnGpuFactory):
        from .on_gpu.stage import FindAndCropOnGpu  # it imports torch

        return FindAndCropOnGpu.on(detector.device, config, search, reader, detector)
    return FindAndCrop.of(config, search, reader, detector)
