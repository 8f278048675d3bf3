"""What goes with an export for whoever gets it: a dataset card, and metadata in Croissant.

Both say only what the set knows of itself, and neither names anybody. What only a person can know is left
open and said to be open. The same set and export give the same bytes.

- ``licences``: a licence's text → the hub's identifier, and where the licence can be read
- ``told_columns``: what the source says of consent and licences, counted, and never a name
- ``set_facts``: what a set knows of itself, in words and numbers
- ``snippets``: the lines of Python that load it
- ``dataset_card``: README.md, from ``dataset-card.md``, which lies beside it
- ``record_sets``: which files an export has, and which columns they have
- ``croissant``: croissant.json
"""
