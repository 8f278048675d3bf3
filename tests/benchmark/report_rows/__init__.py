"""The rows of ``make bench-report``. In reading order:

``row``
    a row of the table, and the tables
``many_crops``
    a set of 200,000 crops of 10,000 people
``writing``
    both sets, and how long their pages take to write
``browsing``
    how soon these pages answer in Chromium
``reviewing``
    a hundred findings, decided by keyboard
"""
