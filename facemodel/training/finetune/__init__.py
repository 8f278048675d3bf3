"""Training that starts from a finished model: what it starts from, what it is pulled towards, what is kept.

In: options and a MODEL. Out: weights to start from, embeddings to learn from, weights to judge. In reading
order:

- ``open_start``: the finished model that a run starts from, opened.
- ``first_model``: the network that a run begins or goes on with.
- ``guides``: finished models' embeddings of the training crops, and what a run does with them.
- ``average``: a running average of the weights, for any run.
"""
