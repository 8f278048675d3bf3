"""Formats of plain files: every crop a JPEG, text beside them.

An :class:`~facedata.exports.base.Export` comes in, files go out. In reading order:

- ``crop_files``: crops as files, linked where they can be
- ``imagefolder``: a folder a split, in it a folder a person
- ``ledger_rows``: the crops' rows beside those of their photos
- ``csv_cells``, ``csv_rows``, ``csv_tables``: every table as CSV, for pandas and spreadsheets
- ``lfw_names``, ``lfw_pairs``, ``pairs_txt``: LFW's layout, its pairs and its lists
- ``coco_faces``, ``coco``: photos with boxes and five points, as annotation tools read them; no crop
"""
