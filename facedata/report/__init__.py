"""A set as a page: what was found, who is in it, how it is divided, what a check found."""
