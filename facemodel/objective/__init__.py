"""Objective: from a batch's embeddings to the loss to minimise, with the heads that only training needs.

In: a batch's embeddings ``(n, dim)`` float32 and labels. Out: a scalar loss to differentiate, and figures for
the history. :mod:`facemodel.loss_table` has a row per loss, which names its goal here.

``losses``     functions of embeddings or logits: triplet, focal, margin softmax, miners
``goals``      each loss with its head and options, as a module
``objective``  a face model and its goal in one module
"""
