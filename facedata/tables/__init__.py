"""facedata.tables."""
