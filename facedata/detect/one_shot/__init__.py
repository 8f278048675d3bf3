"""Detectors that find faces of many sizes in one pass: YuNet and RetinaFace.

In come images and a search rule each; every image is searched at a small size first, and finer only while
the choice is open. Out come faces whose landmarks and boxes are MTCNN's O-Net's.

- ``yunet_factory``, ``retinaface_factory``: what makes the detectors in a worker, and their pinned weights
- ``refine``: O-Net on each face found
- ``levels``: the search from coarse to fine
- ``yunet``, ``retinaface``: the detectors
"""
