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
``groups``
    the photos under one name that agree
``nearest_groups``
    the groups of other people that are nearest to each, in blocks
``names``
    which group has which name
``weigh``
    three rounds of these, and the evidence that is left
``thresholds``
    the similarity at which the evidence reaches given odds, for people to read
``strength``
    whether the model is strong enough for the set
``photo_findings``
    wrong person, stranger, swapped
``people_findings``
    double names, people in two splits, look-alikes
"""
