"""Training on a set whose labels are partly wrong, with ``--doubted``.

In: a prepared set and what ``check`` found in it. Out: the crops to train and validate on, some of them under
another person's name, and a table that says which. Nothing here changes the set.

``doubted``  which photos are doubted, who they show, and the set's crops after that
"""
