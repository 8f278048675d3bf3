"""Tables of millions of rows: their columns, reading and writing them, keeping them small in memory.

Paths and Arrow tables come in; checked tables, row groups and numpy arrays go out. Everything works a column
or a block of rows at a time, so that twenty million rows fit in memory.

- ``schema``: the names and columns of a prepared set's tables
- ``versions``: ledgers of schema version 1, as they would be today
- ``parquet``: writes tables atomically; checks kind and version when it reads them
- ``blocks``: sorts a table, cuts it into row groups, picks rows
- ``people``: people's names as numbers
- ``origin``: where each photo is from, and under which licence
- ``digests``: SHA-256 texts as bytes
- ``names``: names that look the same
- ``text_hash``: texts as 64-bit hashes
- ``tombstones``: who was forgotten, as salted hashes
- ``forgotten_rows``: finds and empties their rows
"""
