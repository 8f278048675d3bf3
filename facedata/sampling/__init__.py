"""facedata.sampling."""
