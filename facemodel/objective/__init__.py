"""Objective: from a batch's embeddings to the loss to minimise, with the heads that only training needs.

In: a batch's embeddings ``(n, dim)`` float32 and labels. Out: a scalar loss to differentiate, and figures for
the history. :mod:`facemodel.loss_table` has a row per loss, which names its goal here.

``losses``          functions of embeddings or logits: triplet, focal, miners
``margin_softmax``  ArcFace's and CosFace's loss of cosines, with its gradient
``batch_hard``      which triplets of a batch `--miner hard` takes: safe against wrong labels
``goals``           each loss with its head and options, as a module
``margin_goals``    those of margin softmax, with people's centres
``sampled_centres`` the centres of very many people, of which a batch uses a share
``row_optimizer``   changes the rows of a matrix that a batch used
``guidance``        what is learnt from a finished model's embeddings
``objective``       a face model and its goal in one module
"""
