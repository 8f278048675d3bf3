"""What ``evaluate`` does with a model: embeds what is needed, and scores the pairs.

In: an open model, a plan, a reader of crops. Out: embeddings and scores, as arrays. Files, in reading order:

``outputs``
    every crop that is needed through the model, once
``pair_scores``
    the tested pairs' scores, the thresholds, and the probabilities
"""
