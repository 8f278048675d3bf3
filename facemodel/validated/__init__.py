"""What validation showed of a model, as its spec keeps it: plain numbers, no network.

In: what ``scoring`` measured, or the JSON of a spec. Out: how often a threshold accepts strangers, and how
likely a score is one person.

- ``calibration``: from a score to the probability that two photos show one person
- ``summary``: false accepts by threshold, how many people validated, and the calibration
"""
