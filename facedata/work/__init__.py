"""Processing the pending photos: workers turn shards of photos into crops and rows.

A plan and the records that have no row come in; crops go to the store, and a part is written for each shard.

- ``shards``: cuts the pending records into shards of 64
- ``task``: one shard as a worker gets it, and the part it writes
- ``ahead``: photos behind a URL are read while others are worked on
- ``stage``: processes photos: decode, find the face, cut the crop
- ``on_gpu``: the same with decoding, warping and encoding on a GPU
- ``take_crops``: the stage of ``--as-crops``: takes photos that are finished crops as they are
- ``make_stage``: which of these two, and with which detector
- ``cut_again``: the stage of ``crop``: cuts faces from a ledger, without detection
- ``bring_crops``: takes over a finished set's crops, each checked: by hard link, or copied
- ``corrected_crops``: gives a corrected set its crops by these two ways
- ``engine``: runs every shard, even when workers die
- ``run``: runs shards on the engine that the options name, and reports progress
- ``cluster``: workers on Dask and Ray
"""
