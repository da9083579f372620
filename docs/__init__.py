"""The documentation, and what generates parts of it: python -m docs.NAME.

make_api          docs/api.md, from the docstrings of `fastopts.reader`
make_reliability  RELIABILITY.md, from the results in reliability/
make_screenshots  the pictures of the dashboard
make_site         the pages as a site
"""
