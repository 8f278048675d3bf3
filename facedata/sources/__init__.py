"""Where photos come from: a source lists its records and reads the bytes of its photos.

A user's paths or URLs and the options come in; a :class:`facedata.sources.base.Scan` goes out: a table with
one row per record, and a picklable reader that workers call. Each kind of source is an entry of
:data:`facedata.config.SOURCES`.

- ``base``: what a source, a scan and a reader are; the table's columns
- ``open``: makes a source from what a user typed, or from a set's dataset.json
- ``folder``: a folder of photos per person
- ``walk``: the files below a folder of this machine
- ``urls``: photos listed by key: behind a URL, or in a zip
- ``table``: photos listed in a table, one row per face
- ``table_file``: the cells of a table's file, of any common kind
- ``listed``: what the columns of a table mean: photo, person, box
- ``celeba``, ``lfw``: the two data sets, with their official lists
- ``text_lists``: the lines of such lists
- ``archive``: zips and tars
- ``demo``: invented people, painted on the fly
"""
