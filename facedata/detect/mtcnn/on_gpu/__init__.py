"""MTCNN on a GPU: the rounds of its coarse-to-fine search for all photos of a batch at once.

``(h, w, 3)`` uint8 RGB images come in, each with a search rule; the faces of each image go out, as
:class:`facedata.detect.mtcnn.detector.Mtcnn` finds them. All of it runs on a CPU too, for tests.

- ``factory``: makes the detector in a worker
- ``atlas``: a batch's photos on the device, at full size, at half …; shrinking them and cutting out of them
- ``tensor_boxes``: squaring, shifting and suppressing boxes of many photos
- ``rounds``: one round: P-Net's candidates, then R-Net and O-Net for the best of all photos
- ``resampler``: what the exhaustive search sees of a photo
- ``detector``: the detector
"""
