"""Other programs' file formats as bytes, read and written; they know nothing of sets.

- ``export_note``: facedata-export.json, the note in every export
- ``hub_parquet``: Parquet as the Hugging Face hub has it, written
- ``hub_columns``: the same, read
- ``tar_shards``: tars of many small files, written in shards and read in place
- ``recordio``: MXNet's records, ``.rec`` and ``.idx``
- ``record_list``: the lists beside them
- ``verification_bin``: InsightFace's pairs to verify
- ``pickle_stream``: a pickle of lists and bytes, read without loading it
"""
