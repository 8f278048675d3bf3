"""From photos to names: the only folder of this package that starts from photos, not from a set.

In: photos and an open model. Out: faces with their embeddings, galleries of people, and pictures with boxes
and names.

- ``photos``: the photos that the user gave, as files or as folders
- ``faces``: a photo's bytes to its faces' embeddings
- ``gallery``: the people that a model can name, in one file
- ``gallery_arrays``: the same as NumPy's own file, for other programs
- ``forget``: people taken out of a gallery
- ``gallery_threshold``: from what nearness on a gallery names a face, and whether it should
- ``assignment``: which face of a photo is whom, nobody twice
- ``probability``: how probable a name is among all people of a gallery, and strangers
- ``naming``: what names a face: a gallery, or a classifier; the named faces as a table
- ``escaped_names``: names as safe text for a terminal or a picture
- ``face_boxes``: a photo with a box around every face and its name beside it
"""
