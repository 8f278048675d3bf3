"""From rows to a finished set: what only all rows together can tell, then the tables, then dataset.json.

In: a plan and a row for each of its records. Out: a prepared set.

- ``settle``: duplicates, and people with too few photos
- ``ledger``: all rows, settled, as a stream of blocks
- ``drawing``: how the set is split and drawn: by its options, or as a command last redid it
- ``close``: splits, labels, pairs and triplets; every table under a temporary name, dataset.json last
- ``close_crops``: the same for `facedata crop`, which carries over all but the crops
- ``compare``: whether the set on disk is already what closing would write
"""
