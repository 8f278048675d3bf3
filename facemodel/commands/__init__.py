"""facemodel.commands."""
