"""facedata.plan."""
