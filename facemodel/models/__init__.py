"""facemodel.models."""
