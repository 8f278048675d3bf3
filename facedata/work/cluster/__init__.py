"""The engine of clusters: workers on Dask or Ray make rows and crops, this process writes them.

Photo paths and settings go out; rows and the bytes of crops come back. So a worker needs access to the photos
and nothing else. Before its first shard, each worker reports its versions and reads a photo as a test.

- ``open``: opens the engine that the options name
- ``engine``: sends shards out, two per worker, and writes the results
- ``base``: the protocol of a cluster, and the functions that run on its workers
- ``check``: checks that the workers can do the work
- ``on_dask``: a Dask scheduler's workers
- ``on_ray``: a Ray cluster's nodes
"""
