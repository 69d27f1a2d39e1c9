"""Contracts in signatures: arguments are what the annotations say, or the library complains.

    @checked
    def nearest_code(z_e: Float[Tensor, "B D *positions"], codebook: Float[Tensor, "K D"]): ...

`checked` reads the annotations that stand there. A complaint names the argument, quotes what came
in and says what was expected: TypeError for another kind or dtype, ValueError for another shape,
size or device. Axes that recur in a call have one length, tensors one device, and floating-point
tensors one dtype; in a method of a model they are those of its weights. Nothing is clamped, cast or
broadcast in silence: a wrong number in a tutorial is worse than an error.

    Count, Natural, Share, Positive     int and float with a range: `n_layers: Count`
    Annotated[int, that(..., "...")]    any other range, with its words
    Annotated[nn.Module, having("n_levels")]     a model with attributes; inside(VQVAE): of a class
    Inexact[Tensor, ...]                Float of a precision that need not be that of the others
    Int[Tensor, ...], UInt8[...]        torch.long, torch.uint8
    Integer[Tensor, ...]                either of them, handed on as torch.long
    "B {self.code_dim} *positions"      an axis as long as an attribute says; "{len(p_one)}", too

Only what can be told without reading a tensor is looked at, so nothing waits for a GPU; a compiled
graph skips it all. Values are looked at by `symbols`, `finite`, `within`, `probabilities` and
`filled`, where data enter. Nothing here loads torch, so settings and the command line are light.

kinds        what is no tensor: numbers and their ranges, paths, choices, models
tensors      dtype, device and shape
values       what may be read from a tensor; which name is meant
"""

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from tutorial_lib.contracts.kinds import (  # noqa: F401
    PNG,
    Check,
    Count,
    Kernel,
    Natural,
    NotNegative,
    Odd,
    OddSides,
    Positive,
    Seed,
    Several,
    Share,
    around,
    at_least,
    at_most,
    below,
    check_of,
    having,
    inside,
    plain,
    png,
    that,
    unwrapped,
)
from tutorial_lib.contracts.tensors import Tensors, where_it_draws  # noqa: F401
from tutorial_lib.contracts.values import (  # noqa: F401
    did_you_mean,
    filled,
    finite,
    is_compiling,
    may_be_read,
    nearest,
    probabilities,
    symbols,
    values_known_to_be_good,
    within,
)

Rule = Check | tuple[type, bool]  # or the shape of a tensor, and whether None is allowed


def checked(function: Callable) -> Callable:
    """Hold the arguments of every call against the annotations of `function`."""
    signature = inspect.signature(function)
    names = [k for k, p in signature.parameters.items() if "VAR_" not in p.kind.name]
    kinds = {p.kind for p in signature.parameters.values()}
    in_order = kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}

    @functools.cache
    def contract() -> dict[str, Rule]:
        return _rules(function, names)

    @functools.wraps(function)
    def call(*args, **kwargs):
        if is_compiling():
            return function(*args, **kwargs)
        if in_order and not kwargs and len(args) == len(names):  # faster than to bind them
            arguments = dict(zip(names, args, strict=True))
            hold(contract(), arguments)
            return function(*arguments.values())
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python's own words
        bound.apply_defaults()
        hold(contract(), bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return call


def check_fields(record: object) -> None:
    """As `__post_init__` of a dataclass: hold its fields against their annotations."""
    values = dict(vars(record))
    hold(_rules_of_fields(type(record)), values)
    for name, value in values.items():
        object.__setattr__(record, name, value)


@functools.cache
def _rules_of_fields(record: type) -> dict[str, Rule]:
    return _rules(record, [each.name for each in fields(record)])


def _rules(annotated: Callable | type, names: Sequence[str]) -> dict[str, Rule]:
    """What the annotations say of these names."""
    hints = typing.get_type_hints(annotated, include_extras=True)
    hints = {name: hints[name] for name in names if name in hints}
    rules = {name: _tensor_kind(hint) or check_of(hint) for name, hint in hints.items()}
    # Tensors last: their axes may be as long as a number among the arguments says.
    order = sorted(rules, key=lambda name: isinstance(rules[name], tuple))
    return {name: rules[name] for name in order if rules[name] is not None}


def hold(contract: Mapping[str, Rule], arguments: dict[str, Any]) -> None:
    """Check the arguments of one call, and put the checked values in their place."""
    tensors = Tensors(arguments)
    for name, rule in contract.items():
        if name not in arguments:
            continue
        if isinstance(rule, tuple):
            kind, optional = rule
            if not (optional and arguments[name] is None):
                arguments[name] = tensors.check(name, arguments[name], kind)
        else:
            arguments[name] = rule(name, arguments[name])


def held(name: str, value: Any, annotation: type, *, model: Any = None) -> Any:
    """`value` itself, if it is what one annotation says: in a body that alone knows the shape.

    model   whose weights it will meet: their device and dtype
    """
    return value if is_compiling() else Tensors({"self": model}).check(name, value, annotation)


def _tensor_kind(annotation: object) -> tuple[type, bool] | None:
    """(the shape, whether None is allowed) of a jaxtyping annotation; None for anything else."""
    members = typing.get_args(annotation) or (annotation,)
    arrays = [m for m in members if isinstance(m, type) and hasattr(m, "dim_str")]
    optional = type(None) in members
    return (arrays[0], optional) if len(arrays) == 1 == len(members) - optional else None
