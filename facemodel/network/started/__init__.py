"""The network of any finished model, as one that can be trained: its operators, its weights, its description.

In: an ONNX file, or a backbone with its head. Out: a backbone like those of the table, which carries its
own description in its weights, so that a run which starts from a model needs that model's file no more. In
reading order:

- ``operators``: ONNX's operators as modules of torch, one row each.
- ``graph``: a network that is a list of operators.
- ``read_onnx``: an ONNX file's operators and weights.
- ``network``: the description, and the network that is made from it.
"""
