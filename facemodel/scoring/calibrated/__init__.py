"""Scores as probabilities of being one person: how they are fitted, and how far from the truth they are.

In: likenesses of pairs and which show one person. Out: a curve, its error, lines for a reader; pure functions
on arrays. Files, in reading order:

``isotonic``
    the rising curve that fits best and its knots, and the logistic one
``fit``
    a calibration from all comparisons of validation photos
``error``
    calibration error, Brier score and reliability diagram, with intervals over people
``judge``
    the probabilities of an evaluation, by the model's own calibration or another
``lines``
    the same in words
"""
