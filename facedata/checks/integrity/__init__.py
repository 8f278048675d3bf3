"""Damage: what in a prepared set is missing, torn, or at odds with the rest of it. Nothing is changed.

A set's folder or URL comes in, in whatever state; findings go out. Whatever is wrong with the files is a
finding, never an exception. Files, in reading order:

- ``crop_bytes``: one crop's bytes against its row; a pure function
- ``damage_list``: collects findings, a few dozen of each sort, and counts the rest
- ``dataset_file``: what dataset.json says, as far as it can be read
- ``table_files``: the tables' files: there, of this set, with the right columns; reads them a block at a time
- ``crop_rows``: the classes table in memory: its rows, found by id or by path
- ``people_splits``: people, splits and labels
- ``ledger_rows``: the ledger against the classes
- ``pair_rows``: pairs and triplets against the classes
- ``recorded_counts``: the counts of dataset.json against the tables
- ``find_damage``: all of it
"""
