"""Data sets as integer levels, in reading order: `data.load("fashion-mnist-sample")`, eight more.

module             what it holds                                              chapter
dataset            Split and ImageDataset, what every loader returns          01
catalog            every data set by name: whose, how large, how it is read   all
loading            load, fetch: mirrors, verification, atomic placement       all
archives           gzip, tar and zip in memory, checksums; the two ways in which data can fail
image_files        readers: IDX, the text of binarized MNIST, CIFAR-10
sample             reader: the garments in the package                        01
emoji              reader: the emoji in the package, in colour                 14
picture_files      reads any picture: upright, on white, square               14
own_pictures       a folder of your own as a data set                         14
mu_law             sound as 256 levels, and back                              15
spoken_digits      reader: the recordings                                     15
voiced_tones       sounds made on the spot                                    15
bouncing_garments  clips made on the spot                                     15
tiles              images side by side in one array                           all
contact_sheet      examples as a picture
commands           what `python -m tutorial_lib data ...` prints
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dataset": ["UNLABELLED", "ImageDataset", "Split"],
        "catalog": ["DatasetInfo", "cache_dir", "describe", "names"],
        "loading": ["fetch", "load"],
        "own_pictures": ["FolderDataset", "FolderError", "from_folder"],
        "tiles": ["tile"],
        "archives": ["DataFormatError", "DataUnavailable"],
    },
)
