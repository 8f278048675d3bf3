"""facedata.detect.mtcnn."""
