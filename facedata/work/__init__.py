"""Processing the pending photos: workers turn shards of photos into crops and rows.

A plan and the records that have no row come in; crops go to the store, and a part is written for each shard.

- ``shards``: cuts the pending records into shards of 64
- ``task``: one shard as a worker gets it, and the part it writes
- ``stage``: processes photos: decode, find the face, cut the crop
- ``cut_again``: the other stage: cuts faces from a ledger, without detection
- ``engine``: runs every shard, even when workers die
- ``processes``: worker processes on this machine
- ``run``: runs shards on the engine that the options name, and reports progress
- ``cluster``: workers on Dask and Ray
"""
