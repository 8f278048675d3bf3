"""A page on which findings are decided, one after another; it ends in corrections.csv."""
