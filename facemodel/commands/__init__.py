"""The commands, one page each: a public function with one dataclass of options, and what it returns.

A page reads top to bottom, and calls the other folders; the command line (:mod:`facemodel.cli`) only parses
flags, calls the function and prints.

- ``fit``: from a prepared set to a trained model
- ``forecast``: how fast a run trains on this machine, and what would be quicker
- ``info``: what a model is
- ``embed``: crops to a file of embeddings
- ``evaluate``: every figure of a model on a set
- ``check``: who is who in a set, beside all that `facedata check` finds
- ``mine``: triplets with hard negatives
- ``enroll``: from a folder or a photo per person to a gallery
- ``identify``: names for the faces in photos
- ``compare``: several runs on the same pairs, and their differences
- ``export``: a model as a file for use elsewhere
- ``summary``: results as lines for a person to read
"""
