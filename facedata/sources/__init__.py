"""Where photos come from: a source lists its records and reads the bytes of its photos.

In come a user's paths or URLs and the options; out comes a :class:`facedata.sources.base.Scan`: a table with
a row per record, and a picklable reader that workers call. A kind of source is a row of
:data:`facedata.config.SOURCES`.

- ``base``: what a source, a scan and a reader are; the table's columns
- ``open``: from what a user typed, or a set's dataset.json, to a source
- ``folder``: a folder of photos per person
- ``urls``: the same behind a URL
- ``table``: photos listed in a table, a row per face
- ``table_file``: the cells of a CSV or Parquet file
- ``celeba``, ``lfw``: these two data sets, with their official lists
- ``text_lists``: the lines of such lists
- ``archive``: zips and tars
- ``demo``: invented people, painted on the fly
"""
