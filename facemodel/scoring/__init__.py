"""facemodel.scoring."""
