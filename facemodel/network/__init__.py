"""From an image to an embedding: a backbone by name, its head, its first weights, what is frozen.

In: options (:class:`~facemodel.config.FitConfig`) and a prepared set. Out: a
:class:`~facemodel.network.model.FaceModel`, which turns ``(N, 3, size, size)`` into ``(N, dim)``. A new
backbone is one row in ``backbones``. In reading order:

- ``kind``: what is known about a backbone before it is made.
- ``facenet_file``: the pinned file of facenet-pytorch's weights.
- ``backbones``: the table of backbones from facenet-pytorch and torchvision.
- ``timm_backbones``: any of timm's image networks.
- ``heads``: from features to an embedding, from embeddings to pairs and classes.
- ``freezing``: parts whose weights and statistics stay as they are.
- ``pretrained``: the library's weights, downloaded once, or a file's.
- ``started``: the network of a finished model that a run starts from, also an ONNX file's; a folder.
- ``model``: all of it together, with its input spec.
"""
