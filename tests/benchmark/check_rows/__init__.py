"""The rows of ``make bench-check``: what a check finds, against what was planted. In reading order:

``line``
    a row of the table, and the tables
``planted``
    wrong names that are planted among right ones, and how many of them a report has
``plain``
    a rule of ten lines to compare with
``sets``
    the real sets, embedded once
``known``
    LFW as it is, and what is published of it
``swaps``
    photos with each other's names, planted in the labels
``doubles``
    people under two names, planted in the labels
``whole``
    the same from photos to findings, by the commands
``copies``
    photos saved again, planted in folders
``shared``
    people whom two sets share
``second``
    a network that was trained here
``size``
    time and memory of many crops
"""
