"""facemodel.training."""
