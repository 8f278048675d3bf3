"""A prepared set, for those who read it.

The folder or URL of a set comes in; its tables, its crops, and rows of one, two or three crops go out.

- ``prepared``: dataset.json, the tables, the set's fingerprint
- ``same_photos``: whether rows mean the same photos in two sets
- ``missing_crops``: crops whose files are gone or cut short
- ``manifest``: what all manifests can do
- ``classes``: crops as typed rows
- ``pairs_triplets``: pairs and triplets as typed rows
- ``notebook``: what a notebook shows of a set and its manifests
- ``log``: log.jsonl, the history of a set's runs
- ``upload``: a local copy of a set at a URL, and its upload
- ``working_folder``: the folder in which a set is made or changed
"""
