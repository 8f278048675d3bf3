"""``prepare`` on a GPU: a batch's photos are decoded, searched, cut and encoded together, on the device.

A shard's photos come in and one row per photo goes out, as from :mod:`facedata.work.stage`. What the device
does not do goes the processor's way, photo by photo: photos that are no plain JPEGs, large ones, and faces
that are shrunk to half or less.

- ``jpegs``: decoding and encoding many JPEGs at once
- ``warp``: cutting many faces out at once
- ``stage``: the stage
"""
