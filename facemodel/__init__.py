"""Train, evaluate and ship face-embedding models straight from the manifests that facedata makes."""
