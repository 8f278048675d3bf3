"""Where a model errs: the pairs that it gets most wrong, the people that are hardest, slices of the photos.

In: scored pairs and a threshold. Out: which pairs and people, and figures; pure functions on arrays. Files,
in reading order:

``worst_pairs``
    the falsest accepts and the falsest rejects
``hard_people``
    people by their share of errors
``photo_groups``
    the photos in groups, by a column of the set
``slices``
    the figures of the pairs in each group, and which differences are significant
``slice_table``
    the same as rows of a table
"""
