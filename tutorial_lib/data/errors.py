"""The two ways in which loading data can fail."""


class DataUnavailable(RuntimeError):
    """A data set is neither in the cache folder nor to be had; the message says what to do."""


class DataFormatError(ValueError):
    """A file does not follow its format, or holds another number of examples than it should."""
