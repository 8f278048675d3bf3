"""Who is who in a set, by the embeddings of its crops: whose photo each one is, and who has two names.

In: embeddings of length one, and the names that the crops have. Out: findings, and what they rest on. Nothing
here knows a network: all that is likely or not is estimated from the set and the model. Files, in reading
order:

``find``
    the way through all of it
``likelihood``
    how likely a similarity is if two groups of photos show one person, and if they show two
``reference``
    the photos that others are compared with, to see how near strangers usually are
``agreement``
    which of the photos under one name agree
``groups``
    those photos as groups
``nearest_groups``
    the groups of other people that are nearest to each, in blocks
``estimates``
    what one person's photos have in common, from the set itself
``names``
    which group has which name
``weigh``
    three rounds of these, and the evidence that is left
``strength``
    whether the model is strong enough for the set, and the thresholds, for people to read
``photo_findings``
    wrong person, stranger, swapped
``people_findings``
    double names, people in two splits, look-alikes
"""
