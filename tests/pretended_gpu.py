"""A GPU that is only pretended: the CPU's numbers, in tensors that say they are on cuda:0.

    with pretended_gpu() as card:
        model.to("cuda")            # what follows raises wherever CUDA would raise
    card.waits                      # Counter: what made the program wait for the GPU, how often

Every tensor carries the device that it claims. A function that gets tensors of two devices raises,
by CUDA's rules: an elementwise function takes one CPU tensor without dimensions beside tensors of
the GPU, and nothing takes a tensor of the GPU, however small, beside a larger one of the CPU. A
generator must be of the device that is drawn on, and NumPy reads nothing from the GPU.

A *wait* is a place where the program stops until the GPU has done all that it was given: a number
read from it, a copy from it or, unless `non_blocking`, to it, a result whose size depends on the
data (`nonzero`, a boolean index), a draw that checks its probabilities.

What it does not see: the backward pass (it runs in C++), memory, speed, kernels that do not exist,
the rounding of TF32, and a random state of the GPU's own (draws there use the CPU's).
"""

from __future__ import annotations

import contextlib
import types
from collections import Counter
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

CPU, GPU, META = torch.device("cpu"), torch.device("cuda", 0), torch.device("meta")

READS = set(
    "item tolist __bool__ __int__ __float__ __complex__ __index__ __contains__ __repr__ __format__"
    " is_nonzero equal allclose cpu nonzero argwhere masked_select unique unique_consecutive"
    " bincount multinomial linalg_cholesky linalg_inv linalg_solve linalg_eigh linalg_svd".split()
)
# New tensors lie on the CPU unless a device is asked for.
MADE_ANEW = set(
    "tensor as_tensor from_numpy rand randn randint randperm zeros ones empty full arange linspace"
    " logspace eye empty_strided scalar_tensor tril_indices triu_indices".split()
)
COPIED_FROM_THE_HOST = {"tensor", "as_tensor", "scalar_tensor"}  # the others are filled on the GPU
CROSSES = {"copy_", "__deepcopy__", "_has_compatible_shallow_copy_type", "is_set_to", "__set__"}
# These want all tensors on one device, even those without dimensions.
TAKES_NO_CPU_SCALAR = set(
    "stack cat concat gather scatter scatter_ scatter_add scatter_add_ index_select index_add_"
    " embedding one_hot take_along_dim searchsorted bincount matmul __matmul__ mm bmm addmm linear"
    " conv1d conv2d conv3d cross_entropy nll_loss".split()
)
TAKES_MANY_CPU_SCALARS = {"where", "__getitem__", "__setitem__", "index_put_", "_foreach_add_"}


class DeviceMismatch(RuntimeError):
    """What CUDA would have said about tensors, or a generator, of two devices."""


REAL_GENERATOR = torch.Generator


class AnyGenerator(type(torch.Generator)):
    """A contract that was read while torch.Generator was this one holds for real ones, too."""

    def __instancecheck__(cls, value):
        return isinstance(value, REAL_GENERATOR)


class Generator(torch.Generator, metaclass=AnyGenerator):
    """A generator that says which device it is for: a CPU build of torch makes none for CUDA."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls)
        self.kind = torch.device(device).type
        return self

    def __init__(self, device="cpu"):
        pass

    def manual_seed(self, seed):
        super().manual_seed(seed)
        return self

    @property
    def device(self):
        return GPU if self.kind == "cuda" else CPU


def place(tensor: torch.Tensor) -> torch.device:
    """The device that a tensor claims."""
    return META if tensor.is_meta else tensor.__dict__.get("_place", CPU)


def tensors_in(value) -> list[torch.Tensor]:
    """All tensors in tuples, lists and dicts, at any depth."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        return []
    return [tensor for each in value for tensor in tensors_in(each)]


def put(result, where: torch.device):
    """Have all tensors of a result claim a device."""
    for each in tensors_in(result) if where != META else ():
        each._place = where
    return result


def device_named(value) -> torch.device | None:
    """A device from what stands for one; every GPU is the one there is."""
    if value is None:
        return None
    device = torch.device("cuda", value) if isinstance(value, int) else torch.device(value)
    return GPU if device.type == "cuda" else device


class PretendedGPU(TorchFunctionMode):
    """Sees every call of torch from Python: checks devices, counts waits, marks the results."""

    def __init__(self):
        super().__init__()
        self.waits: Counter[str] = Counter()

    def __torch_function__(self, func, types_, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if name == "__get__" or name == "get_device":
            known, answer = _property(func, name, first)
            if known:
                return answer
        if name in ("_parse_to", "device"):  # of nn.Module.to, and torch.device: they only read
            return func(*args, **kwargs)
        if name == "__set__":  # as in parameter.data = other, which may move the parameter
            data = getattr(getattr(func, "__self__", None), "__name__", "") == "data"
            put(first, place(args[1]) if data else place(first))
            return func(*args, **kwargs)
        if name in ("numpy", "__array__") and place(first) == GPU:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the "
                "tensor to host memory first."
            )
        asked, args, kwargs = _device_asked(name, args, kwargs)
        tensors = tensors_in((args, kwargs))
        where = asked or _common_device(name, first, tensors)
        _check_generator(name, kwargs.get("generator"), where)
        self._count(name, first, tensors, args, kwargs, where)
        result = (torch.Tensor.cpu if name == "cuda" else func)(*args, **kwargs)
        if first is not None and result is first and place(first) != where:
            result = first.clone()  # a move makes a copy, although both are the CPU here
        if name == "__iter__":
            return iter([put(each, where) for each in result])
        return put(result, where)

    def _count(self, name, first, tensors, args, kwargs, where) -> None:
        """Note a wait under the name of the function that has to wait."""
        from_gpu = any(place(t) == GPU for t in tensors)
        on_cpu = [t for t in tensors if place(t) == CPU]
        if from_gpu and (name in READS or name == "where" and len(args) == 1):
            self.waits[name] += 1
        elif from_gpu and name == "one_hot" and args[1:] in ((), (-1,)) and not kwargs:
            self.waits["one_hot without num_classes"] += 1
        elif from_gpu and name in ("to", "copy_") and where == CPU:
            self.waits[f"{name} the CPU"] += 1
        elif where == GPU and not (
            kwargs.get("non_blocking") or any(each is True for each in args[1:])
        ):
            if name in ("to", "cuda") and on_cpu or name == "copy_" and place(args[1]) == CPU:
                self.waits[f"{name} the GPU"] += 1
            elif name in COPIED_FROM_THE_HOST and not from_gpu:
                self.waits[f"{name} on the GPU"] += 1
        if name in ("__getitem__", "__setitem__") and place(first) == GPU:
            self.waits.update(_waits_of_index(name, *args))


def _property(func, name, tensor):
    """(True, what a property of a tensor says about its device) or (False, None)."""
    asked = getattr(getattr(func, "__self__", None), "__name__", "")
    if name == "get_device":
        return True, 0 if place(tensor) == GPU else -1
    if asked == "device":
        return True, func(tensor) if tensor.is_meta else place(tensor)
    if asked in ("is_cuda", "is_cpu"):
        return True, place(tensor) == (GPU if asked == "is_cuda" else CPU)
    return False, None


def _device_asked(name, args, kwargs):
    """The device that a call names, if it does, and the call as a CPU build can run it."""
    if name in ("cuda", "cpu"):
        return (GPU if name == "cuda" else CPU), args[:1], {}
    asked = None
    for key, value in [*enumerate(args), *kwargs.items()]:
        named = key == "device" or isinstance(value, torch.device)
        if value is None or not (named or name == "to" and isinstance(value, str)):
            continue
        asked = device_named(value)
        if asked == GPU and key in kwargs:
            kwargs[key] = CPU
        elif asked == GPU:
            args = (*args[:key], CPU, *args[key + 1 :])
    if name == "to" and asked is None and len(args) > 1 and isinstance(args[1], torch.Tensor):
        asked = place(args[1])
    if name == "to" and asked is None and isinstance(kwargs.get("other"), torch.Tensor):
        asked = place(kwargs["other"])
    return asked, args, kwargs


def _common_device(name, first, tensors) -> torch.device:
    """The one device of all tensors of a call; raises where CUDA would."""
    if name in MADE_ANEW:
        of_data = first is not None and name == "as_tensor"
        return place(first) if of_data else CPU
    if name in CROSSES:
        return place(first) if first is not None else CPU
    places = [(place(t), t.dim()) for t in tensors]
    if not any(where == GPU for where, _ in places):
        return META if any(where == META for where, _ in places) else CPU
    if name in ("__getitem__", "__setitem__"):
        return _indexed_device(name, first, tensors)
    on_cpu = [dim for where, dim in places if where == CPU]
    in_place = first is not None and name.endswith("_") and not name.endswith("__")
    written = [first] if in_place or name.startswith("__i") else []
    if any(on_cpu) or on_cpu and name in TAKES_NO_CPU_SCALAR:
        raise _mismatch(name, places)
    if any(place(t) == CPU for t in written):
        raise _mismatch(name, places)
    if len(on_cpu) > 1 and name not in TAKES_MANY_CPU_SCALARS and not name.startswith("_foreach"):
        raise DeviceMismatch(f"{name}: too many CPU scalars for a function on cuda:0")
    return GPU


def _indexed_device(name, first, tensors) -> torch.device:
    """Of x[i] and x[i] = y: an index on the CPU may look into the GPU, not the other way round."""
    if place(first) == GPU:
        value = tensors[-1] if name == "__setitem__" else first
        if place(value) == CPU and value.dim() and value.numel() > 1:
            raise _mismatch(name, [(place(t), t.dim()) for t in tensors])
        return GPU
    index = tensors[1:]
    if any(place(t) == GPU and t.dim() for t in index):
        raise DeviceMismatch(
            f"{name}: indices should be either on cpu or on the same device as the indexed tensor "
            f"(cpu)"
        )
    return CPU


def _mismatch(name, places) -> DeviceMismatch:
    found = " and ".join(sorted({str(where) for where, _ in places}))
    return DeviceMismatch(
        f"{name}: Expected all tensors to be on the same device, but found at least two devices, "
        f"{found}!"
    )


def _check_generator(name, generator, where) -> None:
    if generator is not None and generator.device.type != where.type:
        raise DeviceMismatch(
            f"{name}: Expected a {where.type!r} device type for generator but found "
            f"{generator.device.type!r}"
        )


def _waits_of_index(name, tensor, index, value=None) -> Counter[str]:
    """What an index has to be read for: where it is true, which number, or from the CPU."""
    waits: Counter[str] = Counter()
    filled = name == "__setitem__" and not (isinstance(value, torch.Tensor) and value.dim())
    for each in index if isinstance(index, (tuple, list)) else (index,):
        if not isinstance(each, torch.Tensor):
            continue
        if each.dtype in (torch.bool, torch.uint8):
            waits["index of truth values"] += not filled
        elif each.dim() == 0:
            waits["index by a number on the GPU"] += place(each) == GPU
        else:
            waits["index from the CPU"] += place(each) == CPU
    return +waits


@contextlib.contextmanager
def pretended_gpu(n_cards: int = 1, *, half: str = "fp16"):
    """A block in which torch believes in `n_cards` GPUs: Tesla T4s, which compute in float16.

    half   what the cards compute in beside float32: "fp16", "bf16" (an A100) or "no" (a P100)

    Yields an object with `waits`, a Counter, and `visited`, the cards whose random state was asked
    for (on a real machine that starts them).
    """
    mode, visited = PretendedGPU(), set()
    mode.visited = visited
    with contextlib.ExitStack() as stack:
        for owner, name, fake in [*_fakes_of_cuda(n_cards, half, mode), *_fakes_of_torch()]:
            stack.enter_context(mock.patch.object(owner, name, fake, create=True))
        yield stack.enter_context(mode)


def _fakes_of_cuda(n_cards, half, mode):
    """What torch.cuda answers on a machine with these cards."""
    card = types.SimpleNamespace(
        name="Pretended GPU",
        total_memory=15 * 2**30,
        major={"no": 6, "fp16": 7, "bf16": 8}[half],
        minor=5 if half == "fp16" else 0,
    )
    answers = {
        "is_available": True,
        "device_count": n_cards,
        "current_device": 0,
        "get_device_name": card.name,
        "is_initialized": True,
        "get_device_properties": card,
        "get_device_capability": (card.major, card.minor),
        "mem_get_info": (card.total_memory, card.total_memory),
        **dict.fromkeys("init set_device empty_cache manual_seed manual_seed_all".split()),
        **dict.fromkeys("memory_allocated max_memory_allocated memory_reserved".split(), 0),
    }

    def state_of(device="cuda"):
        mode.visited.add(torch.device(device).index or 0 if not isinstance(device, int) else device)
        return torch.get_rng_state()

    def set_state(state, device="cuda"):
        state_of(device)

    def synchronize(device=None):
        mode.waits["synchronize"] += 1

    def bf16_supported(including_emulation=True):
        return half == "bf16" or including_emulation  # a T4: emulated, at a crawl

    fakes = {name: (lambda *a, _=answer, **k: _) for name, answer in answers.items()}
    fakes |= {"get_rng_state": state_of, "set_rng_state": set_state, "synchronize": synchronize}
    fakes["get_rng_state_all"] = lambda: [state_of(i) for i in range(n_cards)]
    fakes["set_rng_state_all"] = lambda states: [state_of(i) for i in range(len(states))]
    fakes["is_bf16_supported"] = bf16_supported
    return [(torch.cuda, name, fake) for name, fake in fakes.items()]


def _fakes_of_torch():
    """Parameters that keep their place, generators for CUDA, autocast that the CPU can do."""
    new_parameter, asked = torch.nn.Parameter.__new__, torch.is_autocast_enabled
    group = torch._C._group_tensors_by_device_and_dtype
    start_autocast, autocast_dtype = torch.autocast.__init__, torch.get_autocast_dtype

    def parameter(cls, data=None, *args, **kwargs):
        return put(new_parameter(cls, data, *args, **kwargs), CPU if data is None else place(data))

    def autocast(self, device_type, dtype=None, *args, **kwargs):
        if dtype is None and device_type == "cuda":
            dtype = torch.float16
        start_autocast(self, "cpu", dtype, *args, **kwargs)

    def grouped(lists, with_indices=False):
        """Of optimisers and clipping: C++ takes the pretended tensors for those of the CPU."""
        groups = group(lists, with_indices)
        return {(place(found[0][0][0]), kind): found for (_, kind), found in groups.items()}

    def pinned(tensor, *args):
        if place(tensor) == GPU:
            raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be")
        return tensor

    return [
        (torch._C, "_group_tensors_by_device_and_dtype", grouped),
        (torch, "Generator", Generator),
        (torch.nn.Parameter, "__new__", staticmethod(parameter)),
        (torch.autocast, "__init__", autocast),
        (torch, "is_autocast_enabled", lambda *device: asked("cpu")),
        (torch, "get_autocast_dtype", lambda device: autocast_dtype("cpu")),
        (torch.Tensor, "pin_memory", pinned),
    ]
