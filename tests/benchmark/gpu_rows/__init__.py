"""What `make bench-gpu` measures with: a painted set (``painted_set``), training steps (``steps``), and
how many photos a second `prepare` takes (``prepare_rate``)."""
