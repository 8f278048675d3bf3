"""facedata.crops."""
