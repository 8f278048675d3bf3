"""facemodel.machine."""
