"""Findings about a prepared set: what is damaged, what is there twice, what is a poor photo.

In: a set's tables and crops, as they are on disk, damaged or not. Out: findings, each with what was measured
and against what, and proposals of what to do; nothing in the set is changed. Files, in reading order:

``findings``
    what a finding is, the table of them, and what :func:`facedata.check` returns
``integrity``
    damage in the tables, and in crops' bytes
``crop_bytes``
    reads crops' bytes, whatever is left of them
``ledger_rows``
    the crops' ledger rows
``crop_pass``
    one pass over all crops: each is read once, checked, hashed and measured
``copies``
    the same picture twice
``quality``
    how good a photo is
``overlap``
    people and photos that another set has too
``run_checks``
    all of these, of one set
``finding_names``
    what the crops of findings are called
``settled``
    what the user has decided, and is not reported again
``proposals``
    what the findings propose, beyond and not against what the user wrote
``corrections_csv``
    the bytes of corrections.csv
``check_folder``
    the folder of a check's files: chosen and locked
``close_check``
    the end of a check: what is settled left out, proposals made, files written
``report_lines``
    the lines that are printed
"""
