"""What runs on a GPU gives a CPU's results, within the tolerances that each page states.

Every test runs on the CPU, so that it is known to be right without a GPU, and again on the GPU where there is
one; those are marked ``gpu``: ``pytest tests/gpu -m gpu``. docs/gpu.md says how to run them elsewhere.
"""
