"""A set in somebody else's format.

A prepared set comes in; a folder goes out that another program reads, with a note (facedata-export.json) and
cards that say what it is and what it leaves out. Each format is an entry of
:data:`facedata.config.EXPORTS`.

- ``base``: what a format is, and what it gets: the set's crops, people and rows, by split
- ``crops``: the crops' bytes, checked, some thousands at a time
- ``write_export``: from a set to the finished folder
- ``lines``: what is printed of an export
"""
