"""The documentation as a site: ``python -m tests.docs_site.build`` (``make docs``).

In reading order: ``build`` lays the pages out and calls Zensical, ``reference`` writes the pages of the
Python interface, ``gallery`` makes the pages that are shown, ``crawl`` follows every link of what came out.
"""
