"""What is left to do, done: shards of photos become crops and rows, on whatever workers there are.

In: a plan and the records that have no row. Out: crops in the store, and a part for each shard.

- ``shards``: pending records cut into shards of 64
- ``task``: one shard as a worker gets it, and the part it writes
- ``stage``: what becomes of a photo: decode, find the face, cut the crop
- ``cut_again``: the other stage: faces from a ledger, cut without detection
- ``engine``: run every shard, even when workers die
- ``processes``: worker processes on this machine
- ``run``: shards on the engine that the options name, and how far they are
- ``cluster``: workers on Dask and Ray
"""
