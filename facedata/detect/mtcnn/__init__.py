"""MTCNN, the default detector: three networks, from coarse candidates to faces with five landmarks.

In come ``(h, w, 3)`` uint8 RGB images and a search rule each, out come each image's faces.

- ``factory``: what makes the detector in a worker
- ``networks``: P-Net, R-Net and O-Net, whatever the batch
- ``coarse``: the search of small pyramids, of many photos at once
- ``pooling``: averages over rectangles, as the networks were tuned with
- ``detector``: the detector, with the exhaustive search for what the coarse one leaves open
"""
