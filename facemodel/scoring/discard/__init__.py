"""Error versus discard: how the rejections fall when the worst photos are left out.

In: scored pairs, a threshold, a quality of each photo. Out: curves, areas below them, and which quality helps
most, with intervals over people; pure functions on arrays, but for the reading of columns. Files, in reading
order:

``columns``
    the set's qualities that can be discarded by
``curve``
    the curve, its area, and the best and the random one
``figures``
    all qualities beside one another
``lines``
    the same as rows of a table
"""
