"""What a command runs on: cores, memory, a GPU, other processes, packages that may not be installed.

In: options and environment variables. Out: devices, counts, one-line errors and
:class:`~facemodel.machine.ranks.Ranks`. Nothing here knows about faces. In reading order:

- ``cores``: how many threads a process may start.
- ``extras``: the error for a package that is not installed.
- ``devices``: what ``--device`` means.
- ``signals``: Ctrl-C asks a run to stop where it can resume.
- ``precision``: the number format that is faster here, measured.
- ``memory``: too little memory becomes an error that says what to lower.
- ``ranks``: this process among those that `torchrun` started.
- ``whole_batch``: embeddings and BatchNorm statistics of a batch that several processes share.
- ``shards``: the rows of a matrix that several processes hold, brought together.
"""
