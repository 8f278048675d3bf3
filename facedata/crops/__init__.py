"""From a face to its crop: a template places the face, one warp cuts it out of the photo.

An opened photo and a face in it come in; a square RGB crop goes out, with the matrix that made it. A template
is one entry of :data:`facedata.config.TEMPLATES`.

- ``align``: what a template is, and the warp
- ``square``, ``arcface112``, ``facenet160``: the templates
- ``cut``: cuts the crop of one face, decoding as few pixels as possible
- ``codec``: crops to JPEG bytes and back
- ``find_crops``: the public function from one photo to its crops
- ``matrix``: the public function from a face to the matrix of its crop
"""
