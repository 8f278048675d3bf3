"""How good each crop is to learn from and to recognise: numbers from 0 at worst to 1 at best. Pure functions.

In: a crop's pixels, and what the ledger knows of its face. Out: ``check/quality.parquet``, a column each, and
findings for those below a threshold. Files, in reading order:

``face_in_photo``
    what the ledger knows of each crop's face; null where it does not
``patch``
    the inner face at one size, cut from the crop of any template, and which of its pixels are the face's
``pixels``
    what a patch tells: sharpness, light, contrast
``points``
    what the five points tell: the pose
``place``
    what the box and the photo tell: the size in the photo, and whether the photo's border cuts the face
``straddling``
    whether the crop shows halves of two faces
``measure``
    all of these: the table's columns, and one crop's row
``poor``
    the findings
"""
