"""Trained models: opening them, embedding crops, exporting them for other programs.

In: a path (a run folder, or an ONNX file with its spec beside it) and crops. Out: embeddings, files of
embeddings, and exported models.

- ``header``: the header of a model's file, and what it says without building the model
- ``saved``: a run's weights and heads, written and read
- ``embedder``: what every model can do (embed, logits, score pairs), and opening one by its path
- ``onnx``: any ONNX network, a folder of its own
- ``embed_crops``: crops to embeddings, batch by batch
- ``embedding_file``: the Parquet file of embeddings, and its parts while it is being made
- ``known_people``: the people that a model was trained on, by name
- ``formats``: what an export format consists of
- ``exported``: the network that an export writes, and its comparison with the model
- ``int8``: networks in 8-bit whole numbers, a folder of its own
- ``to_onnx``, ``to_tflite``, ``to_torchscript``: one format each
- ``placement``: where a face lies in a network's input, as numbers for other programs
"""
