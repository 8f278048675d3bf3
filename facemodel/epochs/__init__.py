"""Which crops an epoch sees, and which validate: arrays of row numbers, pure functions of (seed, epoch).

In come a split's people (:class:`~facemodel.batches.people.TrainingPeople`), a set's pairs and triplets, and
embeddings for hard negatives; out come :class:`~facemodel.epochs.plan.EpochRows`. In reading order:

- ``plan``: what a plan of an epoch is, its random numbers, how often crops were used.
- ``photos``: epochs of photos, and of people with some photos each.
- ``tuples``: epochs of triplets and pairs, the set's or fresh ones.
- ``sampler``: what plans the epochs of a run, by its options.
- ``holdout``: which crops validate.
- ``nearest``: the nearest of some random crops of other people.
- ``hard_negatives``: an epoch's triplets with those as negatives.
"""
