"""facedata.files."""
