"""What every page is made of: one HTML file with one look, that opens from disk and asks nothing of anyone.

In: a template, values, data and pictures. Out: the bytes of a page, and sheets of thumbnails beside it.
Nothing here knows what a set or a run is. In reading order: ``page`` (template, styles, scripts and the
policy that lets nothing else in), ``packed`` (a page's data, compressed, and read back), ``sheets``
(thumbnails, many in one picture), ``charts`` (bars and lines as inline SVG, with the numbers as a table),
``page_folder`` (where a page goes, and appears when it is complete), ``notebook`` (what a notebook shows of
an object: a line, tables, a few pictures), ``card`` (not a page: Markdown with a head of YAML, for hubs).
``look/`` has what all pages share: base.html, charts.html, look.css, page.js, sheets.js, and
notebook.html.
"""
