"""MTCNN, the default detector: three networks, from coarse candidates to faces with five landmarks.

``(h, w, 3)`` uint8 RGB images come in, each with a search rule; the faces of each image go out.

- ``factory``: makes the detector in a worker
- ``weights``: facenet-pytorch's weights, read without torch
- ``networks``: P-Net, R-Net and O-Net, with results that do not depend on the batch
- ``onnx_bytes``: a network as ONNX Runtime takes it
- ``on_onnxruntime``: the networks on a CPU
- ``on_torch``: the networks on a GPU
- ``coarse``: the coarse-to-fine search in small pyramids of many photos at once
- ``second_look``: looks again at faces that are in doubt: moved, shared with another face, turned
- ``pooling``: averages over rectangles, the resampling that the networks were tuned with
- ``detector``: the detector; it searches exhaustively where the coarse search decides nothing
- ``on_gpu``: the same search with whole batches on a GPU
"""
