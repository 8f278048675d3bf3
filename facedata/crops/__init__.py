"""From a face to its crop: a template places the face, one warp cuts it out of the photo.

In come an opened photo and a face in it, out comes a square RGB crop with the matrix that made it. A
template is one row of :data:`facedata.config.TEMPLATES`.

- ``align``: what a template is, and the warp
- ``square``, ``arcface112``, ``facenet160``: the templates
- ``cut``: the crop of one face, from as few pixels as it needs
- ``codec``: crops to JPEG bytes and back
- ``find_crops``: the public way from one photo to its crops
"""
