"""Which crops are copies: the same bytes, or the same picture saved again. Pure functions.

In: each crop's hashes and digest, and a way to read it. Out: pairs, each confirmed by its pixels, and
findings. Files, in reading order:

``picture_hash``
    what a crop looks like, in a few numbers that hardly change when its picture is saved again
``spectrum_hash``
    the part of it that does not depend on where in the crop things are
``near_hashes``
    which crops' hashes are near each other, without comparing each with each
``candidates``, ``bit_keys``
    the pairs that a search finds, and the keys of its buckets
``near_dct``, ``near_spectra``
    the two searches
``same_picture``
    whether two crops show the same picture, pixel by pixel
``registration``
    how one lies on the other
``find_copies``
    the pairs that are confirmed
``copy_findings``
    what they mean in a set
"""
