"""Is this still the stub? A body that is only `____`, `...`, `pass`, `return None` or a docstring.

Read from the compiled code, so that it works where no source can be found. A blank `____` that is
left in a longer body shows itself when it is run: the name is not defined.
"""

from __future__ import annotations

import dis
import inspect

BLANK = "____"
STUB_NAMES = {BLANK, "NotImplementedError"}
STUB_INSTRUCTIONS = {
    *("RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "NOT_TAKEN", "EXTENDED_ARG", "PUSH_NULL"),
    *("LOAD_CONST", "LOAD_GLOBAL", "LOAD_NAME", "POP_TOP", "RETURN_CONST", "RETURN_VALUE"),
    *("RAISE_VARARGS", "CALL", "CALL_FUNCTION", "PRECALL", "LOAD_COMMON_CONSTANT"),
}


def is_untouched(function: object) -> bool:
    """True for a plain function whose body does nothing yet."""
    if not inspect.isfunction(function):
        return False
    instructions = list(dis.get_instructions(function))
    names = {each.argval for each in instructions if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    raises = any(each.opname == "RAISE_VARARGS" for each in instructions)
    constants = [
        each.argval for each in instructions if each.opname in ("LOAD_CONST", "RETURN_CONST")
    ]
    return (
        {each.opname for each in instructions} <= STUB_INSTRUCTIONS
        and names <= STUB_NAMES
        and all(value in (None, ...) or (raises and isinstance(value, str)) for value in constants)
    )


def is_blank_error(error: BaseException) -> bool:
    """Was this raised by a blank that is still to be filled in?"""
    if isinstance(error, NameError):
        return error.name == BLANK
    return isinstance(error, NotImplementedError) and not error.args
