"""Training on a set whose labels are partly wrong, with ``--doubted``.

In: a prepared set and what ``check`` found in it. Out: the crops to train and validate on, some of them under
another person's name, and a table that says which. Nothing here changes the set. Files, in reading order:

``doubted``
    which photos are doubted, who they show, and the set's crops after that
``new_people``
    which of those that are left over show one person, and the name that such a person gets
``alike``
    photos in groups in which each is like each
``likeness``
    the embeddings that the check has kept, and from which cosine it takes two names for one person
"""
