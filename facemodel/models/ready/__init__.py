"""Ready models: trained networks of others that a name stands for, downloaded once and checked.

In: a name in the place of a model's path, such as ``sface``. Out: an embedder with its spec, as of any model.

- ``table``: which there are, and what is known of each; one row a model
- ``files``: the file of a ready model: in the cache, downloaded, or the user's own
- ``kept``: the threshold that a user chose for a ready model, which lies in the cache
- ``network``: the network itself, opened
"""
