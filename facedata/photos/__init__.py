"""facedata.photos."""
