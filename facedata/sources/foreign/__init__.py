"""Other programs' formats as sources: their photos, people, splits and pairs.

A user's paths come in, as in any other source; a :class:`facedata.sources.base.Scan` goes out. Archives
are read in place, by where a photo's bytes lie.

- ``imagefolder``: a folder a split, in it a folder a person
- ``webdataset``: tars of pictures with their facts beside them
- ``tar_samples``: the samples in such a tar
- ``hf``: the Hugging Face hub's Parquet files
- ``hub_choice``: which of their columns have what
- ``hub_pairs``: the pairs of an export
- ``hub_reader``: reads their pictures
- ``shards``: what the two have in common: photos in many files
- ``rec``: MXNet's records, as InsightFace's training sets have them
- ``bin``: InsightFace's pairs to verify
"""
