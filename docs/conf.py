"""How Sphinx builds the documentation: `make docs`."""

project = "Flawless"
author = "the Flawless contributors"
project_copyright = f"2026, {author}"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "internals/_*.md"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "Flawless"
html_copy_source = False

highlight_language = "none"
