"""Splits, pairs and triplets of a set's crops; pure functions.

Columns of the classes table come in, with a seed and the options; each crop's split and label go out, with
tables of pairs and triplets. The same seed gives the same rows on every machine, in bounded memory.

- ``split``: assigns people, or photos, to splits
- ``divide``: every crop's split and label, by the options
- ``quota``: how many rows to draw from each group, and distinct random numbers
- ``pool``: photos sorted by person, and photos of other people drawn from them
- ``spaces``: triplets, pairs of one person and pairs of two people, each numbered
- ``sample``: distinct triplets and pairs of one split, as row numbers
- ``tables``: a split's crops as arrays, and its pairs and triplets as tables
- ``official``: a data set's own pairs
- ``pair_file``: a file that lists pairs of photos
- ``own_pairs``: the crops that these are of
- ``draw``: the pairs and triplets of all splits, and the notes on them
"""
