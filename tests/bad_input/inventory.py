"""All calls of the inventory, by the part of the library that they belong to."""

from __future__ import annotations

from inventory_after_the_papers import AFTER_THE_PAPERS
from inventory_codes import CODES
from inventory_data import DATA
from inventory_figures import FIGURES
from inventory_pixels import PIXELS
from inventory_training import TRAINING

CALLS = [*PIXELS, *CODES, *AFTER_THE_PAPERS, *DATA, *TRAINING, *FIGURES]
