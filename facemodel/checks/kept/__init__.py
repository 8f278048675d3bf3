"""The embeddings that a check keeps beside its findings, so that nothing is embedded twice.

In: a model and a set's crops. Out: a direction per crop, and a file ``embeddings-<model>.parquet`` in the
check's folder. Files, in reading order:

``keep``
    which embeddings there are already, and what they are read as
``make``
    the making of the file in parts, which a stopped run takes up again
"""
