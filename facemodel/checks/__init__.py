"""Who is who in a set, by a model's embeddings: findings about photos and people. Pure functions.

In: embeddings, one per crop, and the names that the crops have. Out: findings as facedata's, with what was
measured and the threshold, which is estimated from the set and the model.
"""
