"""What is done already, on disk, so that a run can be stopped at any moment and continued.

In: a plan's records, and what earlier runs left. Out: the rows that are still valid, and the records that are
left to do.

- ``folder``: the folder of an unfinished set, its settings, and the state it had before
- ``parts``: the file with the rows of one finished shard
- ``row_index``: where each record's row is on disk
- ``resume``: which rows of earlier runs are still valid
- ``output``: the output folder, claimed, locked and cleared
"""
