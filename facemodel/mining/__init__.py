"""The nearest photos of other people in a whole set, exactly, and which of them may be negatives.

In: embeddings, and whose photo each row is. Out: row numbers and similarities, or which pairs are refused and
why. *Similarity* is the cosine, or minus the Euclidean distance: more is always nearer. All of it is
pure functions on arrays. Files, in reading order:

``tiles``
    the best similarities of each row so far, kept up to date tile by tile
``matches``
    the nearest of many vectors, exactly, in blocks
``whole_set``
    the nearest of all other people for every photo of a set, within a memory budget
``evidence``
    from which similarity two photos with different names may well show one person
``rules``
    which candidates may be negatives, and the reasons why others may not
``suspects``
    those that may be the anchor's own person, as a table
"""
