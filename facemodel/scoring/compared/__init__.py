"""Several runs on the same pairs: their figures side by side, and whether a difference is more than chance.

In: folders that evaluate wrote. Out: one dictionary of plain values, and its table. In reading order:

- ``scored_run``: a run's scores, as they lie in its folder
- ``common_pairs``: the pairs that all runs have, and the people on them
- ``figures``: each run's figures with intervals over people, and the differences with paired ones
- ``disagreements``: the pairs that the runs decide differently
- ``table``: all of it as lines to read
"""
