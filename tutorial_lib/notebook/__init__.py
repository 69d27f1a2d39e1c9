"""What a page shows.

module      what it holds                            chapter
setup       what every notebook does first; figures at twice the density   all
setup_cell  the source of the one setup cell
plotting    images, masks and maps in one style      all
charts      curves and bars                          all
dashboard   curves of a training while it runs       12
moved       old addresses, answered by the new ones

`widgets` holds the controls, one a module; `diagrams` the drawings of models.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "setup": ["device_name", "start", "summary"],
        "setup_cell": ["installed_address", "setup_source"],
        "plotting": [
            "hide",
            "show_completions",
            "show_images",
            "show_index_map",
            "show_influence",
            "show_mask",
            "show_reconstructions",
            "use_style",
        ],
        "charts": ["show_curves", "show_stacked_bits", "show_usage"],
        "dashboard": [
            "Dashboard",
            "Names",
            "draw_progress",
            "in_notebook",
            "panels_of",
            "state_of",
            "unit_of",
        ],
    },
)
