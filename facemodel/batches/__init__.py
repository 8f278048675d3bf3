"""facemodel.batches."""
