"""Templates: several photos of one person that are compared as one, as IJB-B and IJB-C do.

In: two files, of photos and of pairs; embeddings of photos. Out: pairs of templates, and an embedding for
each. Files, in reading order:

``files``
    both files, in IJB's form or as a table
``match``
    a set's crops for the templates' photos, and the pairs that can be scored
``mean``
    from the photos' embeddings to the templates'
"""
