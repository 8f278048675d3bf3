"""Which crops an epoch sees, and which validate: arrays of row numbers, pure functions of (seed, epoch).

In: a split's people (:class:`~facemodel.batches.people.TrainingPeople`), a set's pairs and triplets, and
embeddings for hard negatives. Out: :class:`~facemodel.epochs.plan.EpochRows`. In reading order:

- ``plan``: the rows of an epoch, its random numbers, and a count of how often crops were used.
- ``photos``: epochs of photos, and of people with some photos each.
- ``tuples``: epochs of triplets and pairs, the set's or fresh ones.
- ``sampler``: chooses by the options what plans a run's epochs.
- ``holdout``: which crops validate.
- ``nearest``: the nearest of some random crops of other people.
- ``capped``: the same, with a limit on how often each is taken.
- ``outliers``: crops that look like nobody here, or that `check` doubts, and names that may be one person's:
  no negatives.
- ``candidates``: of which crops the nearest is taken: some at random, or all.
- ``hard_negatives``: an epoch's triplets with those as negatives.
- ``anchors``: the anchors that `mine` finds negatives for.
"""
