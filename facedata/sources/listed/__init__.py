"""What the columns of a table or list mean.

Cells as text come in; which column holds the photo, the person and the box goes out, and boxes in pixels.

- ``columns``: which column is which, under the names that people give them; lists without a header
- ``boxes``: the columns that hold boxes, and the numbers in them
- ``box_formats``: whether those are corners or sizes, pixels or fractions of the photo
- ``rows``: what a table says of each row
- ``photo_files``: which files its paths mean
- ``celeba_files``: CelebA's files: its lists, and the photos of its image folder
- ``photo_values``: CelebA's lists, of photos with a value each
- ``lfw_protocol``: LFW's lists: official pairs, and splits of people
"""
