"""A model card: what goes with a model for whoever gets it.

In: a run folder, the set it was trained on if it is at hand, and an evaluation if there is one. Out: Markdown
with a head of YAML, as hubs show it. It names nobody, tells only what the files tell, and what only a person
can know is left open and said to be open. The same files give the same card.

- ``model_facts``: what a run folder and its set tell
- ``evaluation``: what an evaluation tells
- ``model_card``: the card, from ``model-card.md``, which lies beside it
- ``kept_threshold``: a threshold that is kept after training, and the card written again
"""
