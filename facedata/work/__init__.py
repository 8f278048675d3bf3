"""facedata.work."""
