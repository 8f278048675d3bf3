"""facedata.detect.one_shot."""
