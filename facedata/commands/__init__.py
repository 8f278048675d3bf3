"""facedata.commands."""
