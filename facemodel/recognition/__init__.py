"""facemodel.recognition."""
