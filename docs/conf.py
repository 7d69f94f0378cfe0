"""Sphinx configuration: `pip install 'optbudget[docs]'`, then `sphinx-build docs docs/_build`."""

project = "optbudget"
author = "The optbudget authors"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"page_width": "70rem", "sidebar_width": "15rem"}
