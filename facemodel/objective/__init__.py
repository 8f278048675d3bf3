"""facemodel.objective."""
