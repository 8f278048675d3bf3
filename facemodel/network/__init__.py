"""facemodel.network."""
