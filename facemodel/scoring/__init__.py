"""From embeddings to figures: how well a model tells people apart.

In: embeddings (or likenesses) and the person on each crop. Out: figures as plain values, tables and plots.
Everything here is a pure function on arrays, except that ``report`` and ``plots`` write files.

- ``distances``: compare embeddings; whether a score says "the same person"
- ``metrics``: ROC, AUC, EER, TAR at FAR, decisions at a threshold
- ``thresholds``: where a threshold comes from
- ``folds``: accuracy over folds as LFW defines it, and as InsightFace computes it
- ``intervals``: weights that count people equally, and bootstrap intervals over people
- ``pair_figures``: all figures of scored pairs
- ``open_set``: known people against strangers, at a threshold, and what validation shows of it
- ``nearest_anchor``: naming photos by one anchor per person, or by a classifier
- ``pairs``: the pairs of a set that are scored, and those that choose a threshold
- ``overlap``: the figures with and without what the training set has too; a folder of its own
- ``plan``: what an evaluation scores, by which metrics, at which thresholds
- ``weak_points``: the worst pairs, the hardest people, and slices of the photos; a folder of its own
- ``compared``: several runs on the same pairs; a folder of its own
- ``plots``: the ROC curve and the histogram of scores
- ``report``: scores.json, scores.md, scores.parquet and the plots
"""
