"""The machine check."""

from tutorial_lib.recipes import doctor
from tutorial_lib.recipes.doctor import Finding


def test_a_healthy_machine_is_told_so(capsys):
    assert doctor.report([Finding("data", "12000 images")])
    assert capsys.readouterr().out == "ok  data      12000 images\nAll well.\n"


def test_advice_is_printed_and_the_report_is_not_well(capsys):
    assert not doctor.report([Finding("data", "none"), Finding("disk", "full", "free some")])
    assert "-> free some" in capsys.readouterr().out


def test_a_check_that_breaks_becomes_a_finding():
    def check_weights():
        raise OSError("disk on fire")

    (finding,) = doctor.run_checks((check_weights,))
    assert finding.subject == "weights" and "disk on fire" in finding.advice


def test_every_check_finds_something_here():
    for check in (doctor.check_versions, doctor.check_device, doctor.check_data):
        finding = check()
        assert finding.fact and not finding.advice, finding


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(doctor, "REQUIRED", ("torch", "surely-not-installed"))
    assert doctor.check_versions().advice == "pip install surely-not-installed"
