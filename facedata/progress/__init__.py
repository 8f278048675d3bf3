"""facedata.progress."""
