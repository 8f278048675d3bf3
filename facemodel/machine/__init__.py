"""What a command runs on: cores, memory, a GPU, other processes, packages that may not be installed.

In come options and environment variables; out come devices, counts, errors of one line and
:class:`~facemodel.machine.ranks.Ranks`. Nothing here knows of faces. In reading order:

- ``cores``: how many threads a process may start.
- ``extras``: the one error of a package that is not installed.
- ``devices``: what ``--device`` means.
- ``memory``: too little memory becomes an error that says what to lower.
- ``ranks``: this process among those that `torchrun` started.
- ``whole_batch``: embeddings and BatchNorm statistics of all processes' shares of a batch.
"""
