"""Who is who in a set, by a model's embeddings: findings about photos and people. Pure functions.

In: embeddings, one per crop, and the names that the crops have. Out: findings as facedata's, with what was
measured and the threshold, which is estimated from the set and the model.

Files, in reading order:

``kept``
    the embeddings, kept beside the findings so that nothing is embedded twice; a folder of its own
``who``
    the findings about people
``official_pairs``
    official pairs against the evidence
``overlap``
    people who are in two sets; a folder of its own
"""
