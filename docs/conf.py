"""How Sphinx builds the documentation: `make site`."""

from __future__ import annotations

project = "apiframe-photo-mcp"
html_title = project
extensions = ["myst_parser"]
exclude_patterns = ["results"]

myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 4
nitpicky = True
smartquotes = False
# Sphinx has no lexer for the wire's JSON in a shell command; plain text is what the page shows anyway.
highlight_language = "none"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b57d0", "color-brand-content": "#0b57d0"},
    "dark_css_variables": {"color-brand-primary": "#8ab4f8", "color-brand-content": "#8ab4f8"},
}
