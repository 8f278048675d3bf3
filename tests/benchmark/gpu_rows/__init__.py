"""What `make bench-gpu` measures with: a painted set (``painted_set``) and training steps (``steps``)."""
