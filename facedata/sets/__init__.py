"""A prepared set as its readers see it.

In: the folder or URL of a set. Out: its tables, its crops, and rows of one, two or three crops.

- ``prepared``: dataset.json, the tables, the set's fingerprint
- ``manifest``: crops as typed rows
- ``pairs_triplets``: pairs and triplets as typed rows
- ``log``: log.jsonl, when and where a run did what
- ``upload``: a set's folder here, and what is known to be at its URL
- ``working_folder``: the folder a set is made or changed in
"""
