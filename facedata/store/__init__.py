"""The bytes of a set's crops: one file per crop, or packed in tars.

Workers put a shard's crops in; at the end the store gives each row of the classes table its file and offset,
and keeps exactly those crops. In every store, a crop is read by its (file, offset, length).

- ``base``: the protocol of a store
- ``folders``: one file per crop
- ``blobs``: one file per shard during a run, and an index of crops by their SHA-256
- ``tars``: WebDataset shards
- ``rewrite``: tars that lose some of their crops
- ``read``: reads one crop's bytes
- ``open``: makes a store by its name
"""
