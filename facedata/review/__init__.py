"""A page on which findings are decided, one after another; it ends in corrections.csv.

In: a prepared set, and what the last check of it found. Out: a folder with index.html, and sheets of
thumbnails beside it where there are many; or the same page from a server on this machine, which writes
corrections.csv itself. Nothing else in the set is changed. Files, in reading order:

``check_findings``
    what a check found, if it is of this state of the set
``items``
    which findings can be decided here, and which photos it takes to decide each
``own_lines``
    the lines of corrections.csv that no check proposed, and whom they mean
``page_data``
    what the page's scripts read
``review_page``
    the page, and its thumbnails
``saved_lines``
    corrections.csv as it was and as it is to be, for the server
``serve``
    the server: who may ask it for what
``outcome``
    what a review came to, and the lines that are printed

``review.html`` is the page, ``review.css`` what it has beyond the look of all pages. Its scripts, in the
order in which they follow each other: ``review-names.js`` (people's names as corrections write them),
``review-csv.js`` (lines as a file), ``review-lines.js`` (a decision as lines), ``review-rules.js`` (lines
that contradict each other, and findings that are settled), ``review-store.js`` (what was decided, undone and
kept), ``review-pictures.js`` and ``review-view.js`` (a finding on the page), ``review-choose.js`` (the
dialogs), ``review-saving.js`` (to the server) and ``review.js`` (keys, buttons and the start).
"""
