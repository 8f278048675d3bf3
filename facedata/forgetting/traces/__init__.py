"""What a search for traces is made of: byte strings, forms of a name, and what lies in files within files.

In: the bytes of any file. Out: where they hold what is looked for. Files, in reading order:

``byte_search``
    many byte strings found in one pass
``spellings``
    how a text may be written: escaped, encoded, as a folder's name
``name_rules``
    when the letters of a name are really that name
``patterns``
    everything that is looked for, in every spelling, and what a hit means
``texts``
    what bytes are a text, and what in a text is no name
``vectors``
    embeddings among rows of numbers
``finds``
    what was found, counted; what could not be searched
``parts``
    bytes to be searched, wherever they lie
``members``
    what lies in archives and compressed files
``values``
    what lies in tables and arrays
``database``
    what lies in an SQLite file
``blob``
    one file's bytes, and all that lies in them
"""
