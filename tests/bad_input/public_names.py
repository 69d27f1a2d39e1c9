"""Every public name of tutorial_lib, found by walking the package.

Left out by rule, since nothing wrong can be handed to them: what takes no argument; named tuples
and exceptions, which the library fills itself; a model's settings, which are called through it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import tutorial_lib
from tutorial_lib.pixels.config import Config

# Subpackages with tests of their own that hand them wrong things all day: an exercise is there to
# be answered wrongly, and the classroom takes courses and answers from files.
LEFT_OUT = ("tutorial_lib.exercises", "tutorial_lib.classroom")
READS_THE_ENVIRONMENT = ("profiles.current",)  # which can be as wrong as an argument
CALLED = ("__call__", "__getitem__")  # methods that look like calls


def modules() -> Iterator[ModuleType]:
    """All modules outside the subpackages that are left out."""
    for found in pkgutil.iter_modules(tutorial_lib.__path__, "tutorial_lib."):
        if found.name in LEFT_OUT or found.name.endswith(".__main__"):
            continue
        module = importlib.import_module(found.name)
        yield module
        for inner in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{found.name}."):
            yield importlib.import_module(inner.name)


def public_names() -> dict[str, Callable]:
    """ "module.function", "module.Class" and "module.Class.method" -> the object."""
    names = {}
    for module in modules():
        short = module.__name__.removeprefix("tutorial_lib.")
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(thing):
                names |= {f"{short}.{k}": v for k, v in _of_class(name, thing).items()}
            elif inspect.isfunction(thing):
                names[f"{short}.{name}"] = thing
    wanted = READS_THE_ENVIRONMENT
    return {n: thing for n, thing in names.items() if n in wanted or _takes_arguments(thing)}


def _of_class(name: str, cls: type) -> dict[str, Callable]:
    if issubclass(cls, (tuple, BaseException, Config)):
        return {}
    found = {name: cls}
    for method, thing in vars(cls).items():
        if method.startswith("_") and method not in CALLED or isinstance(thing, property):
            continue
        if inspect.isfunction(thing):
            found[f"{name}.{method}"] = thing
    return found


def _takes_arguments(thing: Callable) -> bool:
    return bool([n for n in inspect.signature(thing).parameters if n != "self"])
