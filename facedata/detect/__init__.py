"""From opened photos to the faces in them; torch is imported only in the workers that detect.

Photos (:class:`facedata.photos.picture.Picture`) and a rule for choosing a face come in; the faces, in pixels
of the photo, or the reason why there are none, go out. A detector is one entry of
:data:`facedata.config.DETECTORS`.

- ``choose``: chooses one of several faces
- ``boxes``: squaring, shifting and suppressing boxes
- ``search``: what to look for in one photo, and when a search can stop
- ``base``: the protocol of a detector, and the check of its results
- ``quarter_turns``: images, boxes and faces turned by 90, 180 or 270 degrees
- ``find``: from photos to faces, decoding as few pixels as possible
- ``doubt``: how little a face looks like an upright one
- ``turn``: photos on their side or upside down
- ``pyramid``: an image and its halves, to shrink from
- ``weights``: pinned weights, downloaded once
- ``factory``: from a detector's name to the factory that makes it in a worker
- ``mtcnn/``: the default detector
- ``one_shot/``: YuNet and RetinaFace, their eyes refined by MTCNN's O-Net
"""
