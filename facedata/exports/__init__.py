"""A set in somebody else's format.

A prepared set comes in; a folder goes out that another program reads, with a note (facedata-export.json) and
cards that say what it is and what it leaves out. Each format is an entry of
:data:`facedata.config.EXPORTS`.

- ``base``: what a format is, and what it gets: the set's crops, people and rows, by split
- ``crops``: the crops' bytes, checked, some at a time
- ``left_out``, ``split_folders``: what formats say of what they leave out, and how they name splits
- ``plain/``: formats of plain files: imagefolder, csv, pairs-txt, coco
- ``hf``: Parquet for the Hugging Face hub
- ``webdataset``: tars of samples
- ``cards/``: what goes with an export for whoever gets it: a dataset card, Croissant
- ``rec``: InsightFace's `.rec` and `.bin`
- ``write_export``: from a set to the finished folder
- ``lines``: what is printed of an export
"""
