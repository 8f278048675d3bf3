"""One page per command: the public function, and every stage it goes through, in order.

In: what the user typed, as paths and one dataclass of options. Out: a set, or what to print.

- ``prepare``: photographs to a prepared set
- ``crop``: another set from a set's ledger, with other crops
- ``redraw``: split, pairs and triplets of a set, again
- ``summary``: the lines that people read at the end
"""
