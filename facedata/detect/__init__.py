"""From opened photos to the faces in them; torch is imported only in the workers that detect.

In come photos (:class:`facedata.photos.picture.Picture`) and a rule that tells which face is meant, out come
faces in pixels of the photo, or what was wrong. A detector is one row of :data:`facedata.config.DETECTORS`.

- ``choose``: which of several faces is meant
- ``boxes``: squaring, shifting and suppressing boxes
- ``search``: what is looked for in one photo, and when a search can stop
- ``base``: what a detector is, and what it may return
- ``find``: photos to faces, on as few pixels as will do
- ``pyramid``: an image and its halves, to shrink from
- ``weights``: pinned weights, downloaded once
- ``factory``: from a detector's name to what makes it in a worker
- ``mtcnn/``: the default detector
- ``one_shot/``: YuNet and RetinaFace, their eyes refined by MTCNN's O-Net
"""
