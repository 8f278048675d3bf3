"""One page per command: the public function, and every stage it goes through, in order.

Paths and one dataclass of options come in; a set goes out, or the lines to print.

- ``prepare``: makes a prepared set from photographs
- ``crop``: makes another set from a set's ledger, with other crops
- ``redraw``: splits a set again, and draws its pairs and triplets again
- ``check``: doubts a set: its files, its copies, its poor photos
- ``fix``: makes the corrected set from a finished one
- ``forget``: takes people, or photos, out of a set
- ``report``: writes a page to look at a set
- ``export``: writes a set in a format that other programs read
- ``review``: writes the page to decide on findings, and serves it
- ``long_run``: what all that may take long have in common: memory, and a bar in a notebook
- ``summary``: the lines that the commands print at the end
"""
