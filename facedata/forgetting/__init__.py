"""Forgetting: a person, or single photos, taken out of a prepared set and all that lies in its folder.

A set and names come in; its files without them go out, and tombstones (``tables/tombstones``) so that no
later run brings them back. Then bytes are searched for what is left of them. Files, in reading order:

- ``resolve``: who and which photos are meant, and all rows of the ledger that this concerns
- ``remaining``: the set's tables without these rows, a block at a time
- ``recount``: dataset.json: every count, list and note
- ``other_files``: findings, pages, the log and leftovers
- ``stage``: writes all new files beside the old ones
- ``journal``: puts them in their places at one moment, and finishes that however often it is killed
- ``made_with``: what was made with somebody and lies outside the set
- ``made_files``: what single files say of people they were made with
- ``needles``: what would show that somebody was in the set
- ``search``: all bytes below some folders searched for that; ``traces/`` has what it is made of
- ``outcome``: what was done, in lines
"""
