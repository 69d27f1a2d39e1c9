"""How Sphinx makes the site of what `tools/site_sources.py` has laid out: called by `make site`.

Nothing is executed: the pages show the notebooks' stored outputs. Nothing is fetched by a reader's
browser from elsewhere: mathematics and fonts come from the site itself.
"""

from docstrings_as_rst import as_rst, signature_as_written
from project_address import address, pages_address
from site_figures import describe_figures

import tutorial_lib

project = "From Pixels to Codes"
author = "the authors of From Pixels to Codes"
version = release = tutorial_lib.__version__
language = "en"
html_title = project
html_baseurl = pages_address(address())

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_static"]

# -- notebooks and Markdown ------------------------------------------------------------------------

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # the stored outputs hold a still beside each widget
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_render_markdown_format = "myst"  # the tables and the mathematics of exercises, too
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 4
myst_heading_slug_func = "site_sources.anchor"
myst_dmath_allow_labels = False
# Chapters skip from a title to a section of the third level where a card stands between.
# Annotations name classes without their modules, so two classes of one name are not told apart.
suppress_warnings = ["myst.header", "ref.python"]

# -- the library's reference -----------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

# -- pages -----------------------------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_static_path = ["_build/source/_static"]
html_css_files = ["fonts.css", "site.css"]
html_favicon = "static/favicon.svg"
html_show_sourcelink = False
html_copy_source = True  # the download button hands out the notebook
html_last_updated_fmt = None
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}
html_theme_options = {
    "secondary_sidebar_items": {"**": ["page-toc.html"], "index": []},
    "navbar_persistent": [],
    "navbar_end": [],
    "navbar_start": [],
    "navbar_center": [],
    "repository_url": address(),
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_download_button": True,
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
    "logo": {"text": project},
    "extra_footer": "MIT licence. Nothing on these pages is sent anywhere.",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
mathjax_path = "mathjax/startup.js"
mathjax3_config = {
    "loader": {"load": ["input/tex-base", "[tex]/ams", "[tex]/newcommand", "output/chtml"]},
    "tex": {"packages": {"[+]": ["ams", "newcommand"]}},
}


def setup(app):
    app.connect("autodoc-process-docstring", rewrite_docstring)
    app.connect("autodoc-process-signature", rewrite_signature)
    app.connect("doctree-read", describe_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def rewrite_docstring(app, what, name, thing, options, lines):
    lines[:] = as_rst(lines)


def rewrite_signature(app, what, name, thing, options, signature, returns):
    return signature_as_written(thing) if signature is not None else None
