"""Which profile is in force, and what follows from it."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib import profiles


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_the_environment_variable_decides(monkeypatch, name):
    monkeypatch.setenv("TUTORIAL_PROFILE", name)
    assert profiles.current() == name
    assert profiles.choose(smoke="smoke", laptop="laptop", gpu="gpu") == name


@pytest.mark.parametrize(("cuda", "expected"), [(True, "gpu"), (False, "laptop")])
def test_without_the_variable_the_machine_decides(monkeypatch, cuda, expected):
    monkeypatch.delenv("TUTORIAL_PROFILE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert profiles.current() == expected
    assert profiles.choose(smoke=0, laptop=1, gpu=2) == {"laptop": 1, "gpu": 2}[expected]
    assert profiles.device().type == ("cuda" if cuda else "cpu")


@pytest.mark.parametrize("name", ["laptops", "GPU", "fast"])
def test_an_unknown_profile_is_answered_with_the_known_ones(monkeypatch, name):
    monkeypatch.setenv("TUTORIAL_PROFILE", name)
    with pytest.raises(ValueError, match=f"one of smoke, laptop, gpu, got '{name}'"):
        profiles.choose(smoke=0, laptop=1, gpu=2)
