"""Training: from a set's crops to a trained model in a run folder, from which an interrupted run resumes.

In: a prepared set, the options of ``facemodel fit``, a device. Out: weights, input spec, history and plots.
:func:`facemodel.fit` shows the order: folder, inputs, run; for each epoch train, judge, keep, save and guard.

``run_folder``  a run's files, its lock, and whether its run can be resumed
``inputs``      the crops, people and rows that a run needs, opened and checked
``run``         a run: the stages of an epoch, and what each writes
``trainer``     the training loop: batches in, weights changed
``schedule``    the learning rate of a step
``negatives``   when triplets get hard negatives
``validate``    how good the network is on fixed rows
``guards``      overfitting, collapse and divergence, found in the history
``history``     a row per epoch, as CSV, spreadsheet and events
``plots``       curves, how often crops were used, and the first batch
``state``       everything that changes while a run trains
``checkpoint``  that state in a file
"""
