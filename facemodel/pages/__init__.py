"""Runs, scores and comparisons as pages, in the look of facedata's: one HTML file each, without scripts.

In: a run, or scored pairs with the set that they are of. Out: report.html. In reading order: ``names``
(folders without the way there), ``run_curves`` and ``run_page`` (how a run went), ``pictures`` (crops inside
a page), ``score_charts``, ``worst_shown`` and ``scores_page`` (how well a model tells people apart),
``compare_page`` (several runs on the same pairs), ``notebook`` (scores in a notebook), and templates and
styles beside them.
"""
