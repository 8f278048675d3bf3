"""What a run has to do: which records, in which order, under which crop names.

A source's scan comes in, with the options; a plan goes out, with one row per record in byte order, its role,
split and crop path, and the status of records that are not processed.

- ``plan``: the plan of a run
- ``defaults``: the options whose defaults depend on the source
- ``overrides``: ``--reference``, ``--split-from`` and ``--exclude`` applied to the records
- ``people``: names that look the same, and sources whose photos have no person or only one
- ``finished_crops``: ``--as-crops``: what an export says of its crops, and boxes that mean nothing
- ``shared_photos``: photos with several rows, and rows that need a box
- ``corrections``: ``--corrections``: photos dropped and moved, people merged
- ``corrections_file``: files of them, as spreadsheets write them
- ``correction_names``: which photo and which person a line means
- ``correction_rules``: what lines decide together, and which contradict each other
- ``corrected_records``: the records after that, and the table of what was corrected
- ``crop_names``: crop paths that are safe on every file system
"""
