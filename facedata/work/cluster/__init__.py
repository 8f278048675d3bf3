"""The engine of clusters: workers on Dask or Ray make rows and crops, this process writes them.

Only photos and settings go out, only rows and crops' bytes come back, so a worker needs to see the photos and
nothing else. Before its first shard each worker is asked for its versions and to read a photo.

- ``open``: the engine that the options name
- ``engine``: sends shards out, two per worker, and writes what comes back
- ``base``: what a cluster has to be able to do, and what runs on its workers
- ``check``: whether the workers can do the work
- ``on_dask``: a Dask scheduler's workers
- ``on_ray``: a Ray cluster's nodes
"""
