"""People and photos that two sets share, as far as bytes and pictures tell; a model tells more by faces.

In: a set that is being checked, and another one. Out: which photos and people both have, a certificate of it
(``overlap.json``), and findings about this set's photos. Files, in reading order:

``other_set``
    opens the other set, and says why something cannot be compared with
``kept_photos``
    the photos that a set's crops are of
``by_bytes``
    the same photo, by its SHA-256
``same_frame``
    crops of two templates, brought into one frame
``pictures``
    a set's crops, read and hashed
``by_picture``
    the same picture, saved again
``shared``
    what two sets share, and the certificate of it
``read_certificate``
    the certificate, read again and checked
``find_shared``
    all of these, of two sets
``shared_findings``
    what is reported about this set's photos
"""
