"""The set-up says what a machine lacks, runs once, and trusts no half-made environment."""

import subprocess
import sys
from pathlib import Path

import machine_checks
import one_at_a_time
import open_lab
import pytest
import set_up

KEY, EXTRAS, HERE = "abc", {"lab", "test"}, "/home/ada/pixels"


def state(**changes):
    done = {"status": "ready", "extras": ["lab", "test"], "key": KEY, "root": HERE}
    return {**done, **changes}


def decide(state, *, extras=EXTRAS):
    return set_up.decide(state, KEY, extras, HERE)


# -- what a machine may lack ---------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 10), (3, 11, 2), (3, 14, 0, "final", 0)])
def test_supported_pythons_pass(version):
    assert machine_checks.python_problem(version) is None


@pytest.mark.parametrize("version", [(2, 7), (3, 8), (3, 9, 18), (3, 15)])
def test_another_python_is_named_with_what_is_needed_and_what_to_do(version):
    problem = machine_checks.python_problem(version)
    assert f"Python {version[0]}.{version[1]}; the tutorial needs 3.10 to 3.14" in problem
    assert "PYTHON=python3.12" in problem


def test_this_python_has_what_it_takes():
    assert machine_checks.venv_problem() is None


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_missing_module_names_the_debian_package(missing):
    problem = machine_checks.venv_problem(
        lambda name: None if name == missing else object(), version=(3, 12)
    )
    assert missing in problem and "apt install python3-venv" in problem
    assert "python3.12-venv" in problem


def test_too_little_disk_says_how_much_is_needed():
    assert machine_checks.disk_problem(50 * machine_checks.GIGABYTE) is None
    assert "Only 1.2 GB" in machine_checks.disk_problem(1_200_000_000)


def test_a_smaller_build_of_torch_needs_less_disk():
    five = 5 * machine_checks.GIGABYTE
    assert "may need 8 GB" in machine_checks.disk_problem(five, None, "Linux")
    assert machine_checks.disk_problem(five, "address", "Linux") is None
    assert machine_checks.disk_problem(five, None, "Windows") is None


def test_an_intel_mac_is_told_before_the_download():
    assert "Colab" in machine_checks.platform_problem("Darwin", "x86_64")
    assert machine_checks.platform_problem("Darwin", "arm64") is None
    assert machine_checks.platform_problem("Linux", "x86_64") is None


def test_the_cuda_hint_is_for_linux_without_a_gpu():
    nothing, something = (lambda name: None), (lambda name: "/usr/bin/" + name)
    assert "--torch-index" in machine_checks.cuda_hint(None, "Linux", nothing)
    assert machine_checks.cuda_hint(None, "Linux", something) is None
    assert machine_checks.cuda_hint("address", "Linux", nothing) is None
    assert machine_checks.cuda_hint(None, "Windows", nothing) is None


@pytest.mark.parametrize(
    ("errors", "advice"),
    [
        ("NewConnectionError(...)\nERROR: No matching distribution found for torch", "proxy"),
        (
            "Could not install packages: [Errno 28] No space left on device",
            "full",
        ),
        ("SSLError(certificate verify failed)", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build"),
        ("something nobody has seen", "its own message is above"),
    ],
)
def test_a_failure_of_pip_is_put_into_one_sentence(errors, advice):
    assert advice in machine_checks.explain_pip_failure(errors)


def test_several_problems_are_told_at_once():
    with pytest.raises(machine_checks.SetUpError, match="first\nsecond"):
        machine_checks.raise_if_any("first", None, "second")
    machine_checks.raise_if_any(None, None)


# -- once, and never half ------------------------------------------------------------------------


def test_a_finished_set_up_is_used_as_it_is():
    assert decide(state()) == "ready"
    assert decide(state(), extras={"lab"}) == "ready"


def test_a_changed_file_or_a_further_extra_brings_it_up_to_date():
    assert decide(state(key="old")) == "update"
    assert decide(state(), extras={"lab", "course"}) == "update"


def test_an_environment_from_elsewhere_is_brought_up_to_date():
    assert decide(None) == "update"


def test_an_interrupted_installation_is_not_trusted():
    assert decide(state(status="installing")) == "afresh"


def test_a_moved_folder_gets_a_new_environment():
    assert decide(state(root="/home/ada/elsewhere")) == "afresh"


def test_a_half_written_state_counts_as_none(tmp_path):
    path = tmp_path / "set_up.json"
    assert set_up.read_state(path) is None
    path.write_text('{"status": "rea')
    assert set_up.read_state(path) is None
    set_up.write_state(path, set_up.new_state("ready", EXTRAS, KEY))
    assert set_up.read_state(path)["extras"] == ["lab", "test"]
    assert [each.name for each in tmp_path.iterdir()] == ["set_up.json"]


def key_of(folder, *, python=(3, 11), dependency="torch", pin="torch==2", lines=100):
    pyproject, constraints = folder / "pyproject.toml", folder / "constraints.txt"
    project = f'[project]\nname = "x"\ndependencies = [\n    "{dependency}",\n]\n'
    pyproject.write_text(f"{project}\n[tool.ruff]\nline-length = {lines}\n")
    constraints.write_text(pin)
    return set_up.inputs_key(python, pyproject, constraints)


@pytest.mark.parametrize(
    "change", [{"python": (3, 12)}, {"dependency": "jax"}, {"pin": "torch==3"}]
)
def test_the_key_changes_with_all_that_decides_what_is_installed(tmp_path, change):
    assert key_of(tmp_path) == key_of(tmp_path)
    assert key_of(tmp_path) != key_of(tmp_path, **change)


def test_the_key_does_not_change_with_the_settings_of_other_tools(tmp_path):
    assert key_of(tmp_path) == key_of(tmp_path, lines=88)


@pytest.mark.parametrize("line", ["version = 3.11.7", "version_info = 3.11.7.final.0"])
def test_the_version_of_an_environment_is_read_from_its_file(tmp_path, line):
    assert set_up.venv_version(tmp_path) is None
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n")
    assert set_up.venv_version(tmp_path) == (3, 11)


class Recorder:
    """Stands in for the steps that touch the disk and the network."""

    def __init__(self, monkeypatch, folder, *, fails=False):
        self.calls, self.fails = [], fails
        python = folder / "python"
        python.touch()
        monkeypatch.setattr(set_up, "STATE", folder / "set_up.json")
        monkeypatch.setattr(set_up, "LOCK", folder / "lock")
        monkeypatch.setattr(set_up, "venv_python", lambda: python)
        monkeypatch.setattr(set_up, "create_environment", self.create)
        monkeypatch.setattr(set_up, "install", self.install)

    def create(self, torch_index, hold, *, afresh):
        self.calls.append("afresh" if afresh else "create")

    def install(self, extras, python, torch_index, hold):
        self.calls.append(sorted(extras))
        if self.fails:
            raise machine_checks.SetUpError("no network")


def test_the_second_run_does_nothing(monkeypatch, tmp_path, capsys):
    steps = Recorder(monkeypatch, tmp_path)
    set_up.set_up(EXTRAS)
    assert steps.calls == ["create", ["lab", "test"]]
    set_up.set_up(EXTRAS)
    assert len(steps.calls) == 2
    assert "ready after" in capsys.readouterr().out


def test_a_further_extra_is_added_to_those_that_are_there(monkeypatch, tmp_path):
    steps = Recorder(monkeypatch, tmp_path)
    set_up.set_up({"lab"})
    set_up.set_up({"course"})
    assert steps.calls[-1] == ["course", "lab"]


def test_a_failed_update_leaves_the_environment_as_good_as_it_was(monkeypatch, tmp_path):
    Recorder(monkeypatch, tmp_path)
    set_up.set_up({"lab"})
    steps = Recorder(monkeypatch, tmp_path, fails=True)
    with pytest.raises(machine_checks.SetUpError, match="no network"):
        set_up.set_up({"course"})
    set_up.set_up({"lab"})
    assert steps.calls == ["create", ["course", "lab"]]


def test_after_a_failure_the_next_run_starts_afresh(monkeypatch, tmp_path):
    with pytest.raises(machine_checks.SetUpError, match="no network"):
        Recorder(monkeypatch, tmp_path, fails=True)
        set_up.set_up(EXTRAS)
    steps = Recorder(monkeypatch, tmp_path)
    set_up.set_up(EXTRAS)
    assert steps.calls[0] == "afresh"


HOLDER = "import sys; print('held', flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows hands no locks down to children")
def test_a_second_set_up_waits_for_a_child_of_the_first(tmp_path, capsys):
    path = tmp_path / "lock"
    with one_at_a_time.one_at_a_time(path, "waiting") as hold:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        child = subprocess.Popen([sys.executable, "-c", HOLDER], **pipes, **hold)
        assert child.stdout.readline() == b"held\n"
    with child, open(path, "w") as another:
        assert not one_at_a_time.take(another)
    with one_at_a_time.one_at_a_time(path, "waiting"):
        assert capsys.readouterr().out == ""


def test_a_problem_ends_with_its_sentence_and_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr(machine_checks, "platform_problem", lambda: "wrong machine")
    assert set_up.main([]) == 1
    assert capsys.readouterr().err == "\nwrong machine\n"


def test_a_folder_that_cannot_be_written_is_answered_with_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(set_up, "LOCK", Path(__file__) / "below a file")
    monkeypatch.setattr(set_up, "next_step", lambda extras: ("update", extras))
    assert set_up.main(["install"]) == 1
    assert "below a file" in (told := capsys.readouterr().err) and "may write to" in told


def test_who_opens_the_tutorial_needs_no_tools_of_the_project(capsys):
    assert set_up.arguments(["lab"])[0].extras == "lab"
    assert set_up.arguments([])[0].extras == "lab,test"
    assert set_up.arguments(["lab", "--extras", "lab,course"])[0].extras == "lab,course"


def test_arguments_for_jupyterlab_are_passed_on_and_others_refused(capsys):
    known, rest = set_up.arguments(["lab", "--port", "9000", "--ip", "::", "--copy", "mine"])
    assert (known.action, rest) == ("lab", ["--port", "9000", "--ip", "::", "--copy", "mine"])
    known, rest = open_lab.arguments(rest)
    assert (known.port, str(known.copy), rest) == (9000, "mine", ["--ip", "::"])
    with pytest.raises(SystemExit):
        set_up.arguments(["--prot=9000"])
    assert "--prot" in capsys.readouterr().err


# -- JupyterLab ----------------------------------------------------------------------------------


PAGE = "lab/tree/notebooks/a.ipynb"


def test_the_command_line_at_a_desk():
    command = open_lab.lab_command("py", HERE, PAGE, 8888, root=False, browser=True)
    assert command[:4] == ["py", "-m", "jupyterlab", "--port=8888"]
    assert f"--ServerApp.root_dir={HERE}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/a.ipynb" in command
    assert "--allow-root" not in command and "--no-browser" not in command


def test_the_command_line_as_root_without_a_display():
    options = {"root": True, "browser": False, "extra": ["--ip=::"]}
    command = open_lab.lab_command("py", HERE, PAGE, 9000, **options)
    assert "--allow-root" in command and "--no-browser" in command
    assert command[-1] == "--ip=::"


@pytest.mark.parametrize(
    ("environ", "platform", "display"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "1 2 3 4"}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"SSH_TTY": "/dev/ttys001"}, "darwin", False),
    ],
)
def test_a_browser_is_opened_only_where_somebody_sees_it(environ, platform, display):
    assert open_lab.has_display(environ, platform) is display


def test_a_port_in_use_is_skipped():
    assert open_lab.free_port(8888, free=lambda port: port > 8889) == 8890
    assert open_lab.free_port(8888, free=lambda port: False) == 8888


def test_the_address_holds_page_and_token():
    url = open_lab.address(PAGE, 8888, "secret")
    assert url == "http://127.0.0.1:8888/lab/tree/notebooks/a.ipynb?token=secret"
    assert open_lab.address("lab", 8888, None) == "http://127.0.0.1:8888/lab"


@pytest.mark.parametrize("there", [True, False])
def test_lab_opens_the_first_notebook_or_says_that_it_is_missing(
    monkeypatch, tmp_path, capsys, there
):
    if there:
        (tmp_path / "notebooks").mkdir()
        (tmp_path / open_lab.FIRST_NOTEBOOK).touch()
    started = []
    monkeypatch.setattr(open_lab, "replace_process", lambda *call: started.append(call) or 0)
    assert open_lab.open_lab(tmp_path, port=8888, extra=[]) == 0
    ((command, environ, folder),) = started
    printed = capsys.readouterr().out
    assert any(each.endswith("/" + open_lab.FIRST_NOTEBOOK) for each in command) is there
    assert ("is not in this folder" in printed) is not there
    assert environ["JUPYTER_TOKEN"] in printed and folder == tmp_path


def test_a_password_of_the_users_own_keeps_the_token_out(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(open_lab, "replace_process", lambda *call: 0)
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    open_lab.open_lab(tmp_path, port=8888, extra=["--IdentityProvider.token=x"])
    assert "?token" not in capsys.readouterr().out
