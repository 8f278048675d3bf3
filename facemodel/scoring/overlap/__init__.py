"""Scores with and without the people and photos that the tested set shares with the training set.

In: the certificate that a check with ``--against`` wrote, and scored pairs. Out: the figures twice. Files, in
reading order:

``shared_crops``
    which crops of the tested set the training set has, as the certificate says
``figures_without``
    the figures of all pairs, and of those without shared crops
``side_by_side``
    both as lines of a table
"""
