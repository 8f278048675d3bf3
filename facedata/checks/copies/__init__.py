"""Which crops are copies: the same bytes, or the same picture saved again. Pure functions.

In: each crop's hashes and digest, and a way to read it. Out: pairs, each confirmed by its pixels, and
findings. Files, in reading order:

``picture_hash``
    what a crop looks like, in a few numbers that hardly change when its picture is saved again
``near_hashes``
    which crops' hashes are near each other, without comparing each with each
``same_picture``
    whether two crops show the same picture, pixel by pixel
``find_copies``
    the pairs that are confirmed
``copy_findings``
    what they mean in a set
"""
