"""From crops to what a network takes: read by row number, decoded by threads, resized and varied.

In: a set's rows (:class:`~facedata.ClassManifest`) or a plain folder. Out: batches of uint8 RGB, and float32
tensors on the device. In reading order:

- ``people``: the person on each crop of a split, as arrays.
- ``crop_files``: reading crops' bytes with few system calls.
- ``decode``: a crop's bytes straight into its place in a batch.
- ``buffers``: reusing the memory of batches.
- ``reader``: rows to batches, decoded by threads while the previous batch is in use.
- ``fitting_crops``: the crops as a model takes them: the set's own, or cut again beside it.
- ``variation``: mirroring and turning, on a CPU or a GPU.
- ``to_input``: resize, vary, normalise: a batch as the network sees it.
- ``sources``: what can be embedded: a set, a manifest, a folder.
"""
