"""Tables of millions of rows: their columns, how they are read and written, and kept small in memory.

Paths and Arrow tables come in; checked tables, row groups and numpy arrays go out. Everything works a column
or a block of rows at a time, so that twenty million rows fit in memory.

- ``schema``: the names and columns of a prepared set's tables
- ``parquet``: write them whole or not at all; read them with a check of kind and version
- ``blocks``: sort a table, cut it into row groups, pick rows
- ``people``: people's names as numbers
- ``digests``: SHA-256 texts as bytes
- ``text_hash``: texts as 64-bit hashes
"""
