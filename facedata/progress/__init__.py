"""Progress on disk, so that a run can be stopped at any moment and continued.

A plan's records and the files of earlier runs come in; the rows that are still valid go out, and the records
that are still to do.

- ``folder``: the folder of an unfinished set, its settings, and its last finished state
- ``settling``: what settling needs of a row, as numbers of fixed width
- ``parts``: the file with the rows of one finished shard
- ``row_index``: where each record's row is on disk
- ``disk_columns``: digests and hashes of millions of rows, on disk
- ``ledger_rows``: a finished set's records and rows, from its tables
- ``resume``: finds the rows of earlier runs that are still valid
- ``output``: the output folder: checked, locked and cleared
- ``corrected``: the progress folder of a corrected set, and the set that it corrects
- ``corrected_plan``: the plan of a corrected set, from the ledger of the set that it corrects
"""
