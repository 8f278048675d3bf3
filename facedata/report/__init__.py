"""A set as a page: what was found, who is in it, how it is divided, what a check found.

In: a prepared set, its ``check`` folder, and its photos where they are at hand. Out: a folder with
index.html, and sheets of thumbnails beside it where there are many. Nothing in the set is changed. Each table
is read a row group at a time; of a crop, some 40 bytes stay in memory. Files, in reading order:

``crop_columns``
    a few numbers of every crop: whose it is, its split, what the ledger measured
``check_files``
    what the last check found, and each crop's qualities
``choice``
    which people and crops are on the page, and in which order
``drawn_rows``
    how often pairs and triplets use each crop, and some of them to look at
``ledger_counts``
    what became of the photos and why, and some photos of each status
``examples``
    those photos with their faces' boxes and points, beside the crops
``distributions``
    the charts
``facts``
    counts, notes, settings, licence and versions, in words
``made_by``
    the commands that make the set again
``thumbnails``
    the crops' thumbnails in sheets, and their names
``page_data``
    what the page's scripts read
``report_folder``
    what its folder holds, and whose report it is
``write_report``
    all of it, in order
"""
