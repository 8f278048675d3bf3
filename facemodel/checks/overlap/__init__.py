"""People who are in two sets, by their faces. Pure functions, but for the embedding of the other set.

In: the directions of two sets' crops, and whose they are. Out: pairs of people, with the odds that each is
one person, a threshold that these two sets and the model give, and the errors to expect. Files, in reading
order:

``people_vectors``
    one direction for each person, and halves of people whose answer is known
``crowd``
    how similar a person is to those who look alike
``known_pairs``
    how similar two people are, and the halves of one, in the two sets themselves
``evidence``
    the threshold, the odds and the expected errors, from those
``same_people``
    the pairs of people above the threshold
``other_embeddings``
    the other set's embeddings, kept in the check's folder
"""
