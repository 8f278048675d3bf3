"""facedata.store."""
