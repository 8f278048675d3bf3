"""Any ONNX embedding network as a model.

In: ``net.onnx``, the files that hold its weights, and ``net.json`` beside it. Out: an embedder.

- ``files``: all files that make a model: weights may be stored outside ``net.onnx``
- ``ports``: which input takes the crops and how, and which outputs are the embeddings and the logits
- ``network``: the embedder
"""
