"""A few rounds of every fault drill; `make faults` runs many."""

from random import Random

import pytest
from drills import all_drills, saving

DRILLS = all_drills()


@pytest.mark.parametrize(
    "drill", [each for each in DRILLS if each.short], ids=lambda drill: drill.name
)
def test_a_fault_is_survived(drill):
    if drill.unavailable:
        pytest.skip(drill.unavailable)
    outcomes = list(drill.run(drill.short, Random(0)))
    assert len(outcomes) == drill.short
    assert [told for told in outcomes if told] == []


def test_a_save_in_place_would_not_survive_being_killed():
    """The probe sees what it looks for: without the detour by another name, files are lost."""
    if saving.REASON:
        pytest.skip(saving.REASON)

    def write_in_place(path, version):
        saving.write_version(path.with_suffix(".whole"), version)
        content = path.with_suffix(".whole").read_bytes()
        path.with_suffix(".whole").unlink()
        with open(path, "wb", buffering=0) as file:
            file.write(content[:100])
            file.write(content[100:])

    outcomes = saving.killed(200, Random(0), write_in_place)
    assert any("cannot be used" in told for told in outcomes if told)  # at the first it is seen


def test_every_drill_has_a_name_of_its_own():
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
