"""From crops to what a network takes: read by row number, decoded by threads, resized and varied.

In come a set's rows (:class:`~facedata.ClassManifest`) or a plain folder; out come batches of uint8 RGB, and
float32 tensors on the device. In reading order:

- ``people``: who is who among the crops of one split, as arrays.
- ``open_files``: crops' bytes with few system calls.
- ``buffers``: memory of batches, used again.
- ``reader``: rows to batches, decoded by threads while the last batch is in use.
- ``variation``: mirroring and turning, on a CPU or a GPU.
- ``to_input``: resize, vary, normalise: a batch as the network sees it.
- ``sources``: what can be embedded: a set, a manifest, a folder.
"""
