"""Copies of arguments for a function that may change them, and what it did change."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn


def copy_of(value: object) -> object:
    """A copy that shares no memory: of tensors, of modules, and of lists, tuples, dicts of them."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, (list, tuple)):
        return type(value)(copy_of(each) for each in value)
    if isinstance(value, dict):
        return {key: copy_of(each) for key, each in value.items()}
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


def plain(value: object) -> object:
    """What a function gave back, as values of its own: tensors without graph or subclass."""
    if isinstance(value, Tensor):
        return value.detach().as_subclass(Tensor).clone()
    if type(value) in (list, tuple):
        return type(value)(plain(each) for each in value)
    return value


def without_numpy(value: object) -> object:
    """NumPy's arrays and numbers as torch's and Python's own, those in tuples and lists too."""
    if type(value) in (list, tuple):
        return type(value)(without_numpy(each) for each in value)
    if isinstance(value, np.generic):
        return value.item()
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def first_change(before: object, after: object, name: str) -> tuple[str, str] | None:
    """Where `after` differs from `before`, and how: ("weight[0, 1]", "was 0.5, is now 0")."""
    if isinstance(before, Tensor):
        return _tensor_change(before, after.detach(), name)
    if isinstance(before, nn.Module):
        return first_change(before.state_dict(), after.state_dict(), name)
    if isinstance(before, dict):
        before, after = list(before.items()), list(after.items())
        names = [f"{name}.{key}" for key, _ in before]
        before, after = [value for _, value in before], [value for _, value in after]
    elif isinstance(before, (list, tuple)):
        names = [f"{name}[{i}]" for i in range(len(before))]
    else:
        return None
    if len(before) != len(after):
        return name, f"had {len(before)} entries, has now {len(after)}"
    changes = map(first_change, before, after, names)
    return next((change for change in changes if change), None)


def _tensor_change(before: Tensor, after: Tensor, name: str) -> tuple[str, str] | None:
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        told = f"was {before.dtype} of shape {tuple(before.shape)}"
        return name, f"{told}, is now {after.dtype} of shape {tuple(after.shape)}"
    same = torch.isclose(before, after, rtol=0, atol=0, equal_nan=True)
    if same.all():
        return None
    place = tuple((~same).nonzero()[0].tolist())
    told = f"was {before[place].item():.4g}, is now {after[place].item():.4g}"
    return name + (str(list(place)) if place else ""), told
