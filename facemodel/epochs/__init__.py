"""facemodel.epochs."""
