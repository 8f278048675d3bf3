"""From rows to a finished set: duplicates and small classes first, then the tables, then dataset.json.

A plan and a row for each of its records come in; a prepared set goes out.

- ``settle``: finds duplicates, and people with too few photos
- ``copies``: the same bytes under two people, the same picture in two splits
- ``ledger``: all rows, settled, as a stream of blocks
- ``given_boxes``: checks that a source's boxes fit the faces found
- ``crop_sizes``: why no photo was kept: of finished crops their size
- ``draw_options``: the options for splits, pairs and triplets: those of ``prepare``, or of a later command
- ``divide_set``: the people's splits, the labels and the fingerprint
- ``divide_again``: the same for a finished set, for `facedata split`
- ``close``: splits, labels, pairs and triplets; every table under a temporary name, dataset.json last
- ``close_crops``: the same for `facedata crop`, which copies everything except the crops
- ``compare``: compares the set on disk with what closing would write
"""
