"""facedata.closing."""
