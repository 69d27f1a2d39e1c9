"""The two ways in which loading data can fail, each with its own class.

`DataUnavailable`: the bytes could not be had (no network, a dead server, a cache folder that cannot
be written). The message says what to do. `DataFormatError`: the bytes are here, but they are not
what the format promises (wrong magic number, missing rows, a damaged archive).
"""


class DataUnavailable(RuntimeError):
    """A data set is neither in the cache folder nor to be had from any of its addresses."""


class DataFormatError(ValueError):
    """A file does not follow its format, or holds another number of examples than it should."""
