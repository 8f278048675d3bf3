"""facedata.sets."""
