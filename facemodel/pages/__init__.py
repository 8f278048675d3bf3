"""Runs, scores and comparisons as pages, in the look of facedata's."""
