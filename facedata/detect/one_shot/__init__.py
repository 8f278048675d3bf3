"""Detectors that find faces of many sizes in one pass: YuNet and RetinaFace.

Images come in, each with a search rule; every image is searched at a small size first, and finer only while
the choice is open. Faces go out, with landmarks and boxes from MTCNN's O-Net.

- ``yunet_factory``, ``retinaface_factory``: make the detectors in a worker; their pinned weights
- ``refine``: runs O-Net on each face found
- ``levels``: the search from coarse to fine
- ``yunet_network``: YuNet's network as ONNX Runtime takes it
- ``yunet``, ``retinaface``: the detectors
"""
