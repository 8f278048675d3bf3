"""Findings about a prepared set: what is damaged, what is there twice, what is a poor photo. Pure functions.

In: a set's tables and crops, as they are on disk, damaged or not. Out: findings, each with what was measured
and against what; nothing is changed. Files, in reading order:

``findings``
    what a finding is, the table of them, and what :func:`facedata.check` returns
"""
