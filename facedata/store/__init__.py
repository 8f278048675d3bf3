"""Where the bytes of a set's crops lie: one file each, or packed in tars.

Workers put a shard's crops in; in the end the store gives each row of the classes table its file and offset,
and keeps exactly those crops. Whatever the store, a crop is read by its (file, offset, length).

- ``base``: what a store does
- ``folders``: one file per crop
- ``blobs``: one file per shard during a run, and an index of crops by their SHA-256
- ``tars``: WebDataset shards
- ``read``: one crop's bytes
- ``open``: the stores by name
"""
