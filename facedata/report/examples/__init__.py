"""Photos of each status as the page shows them.

Rows of the ledger and the photos' bytes come in; small pictures with boxes and points in their pixels go out.

- ``photo_copies``: small copies of photos, those of an earlier report among them
- ``show_statuses``: those with their faces' boxes and points, beside the crops
"""
