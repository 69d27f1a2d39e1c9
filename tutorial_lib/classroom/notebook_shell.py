"""The Python of a notebook, without the notebook: IPython's shell, harmless while work is graded.

Magics, `files = !ls`, `torch.zeros?`, top-level await, `display` and `get_ipython()` are IPython's
own. Commands of the system are not run; magics that are not known here do nothing.
"""

from __future__ import annotations

import os
import types

from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

NOT_RUN = "(not run while work is graded: {})"


class NotebookShell(InteractiveShell):
    """IPython's shell, as a kernel has it, with nobody in front of it."""

    def run_as(self, file: str, source: str) -> BaseException | None:
        """Run a cell whose code bears the name of this file; what it raised."""
        self.compile.get_code_name = lambda *_: file
        result = self.run_cell(source, store_history=False)
        return result.error_before_exec or result.error_in_exec

    def showtraceback(self, *args, **options) -> None:
        """The grader tells it in its own way."""

    showsyntaxerror = showindentationerror = showtraceback

    def enable_gui(self, gui=None) -> None:
        """There is no window."""

    def system(self, cmd: str) -> None:
        print(NOT_RUN.format(cmd))

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> SList:
        """Of `ls` what it would list, of other commands nothing."""
        listed = [each for each in sorted(os.listdir()) if not each.startswith(".")]
        return SList(listed if cmd.split()[:1] == ["ls"] else [])

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1):
        if self.find_line_magic(magic_name) is None:
            return print(NOT_RUN.format(f"%{magic_name}"))
        return super().run_line_magic(magic_name, line, _stack_depth + 1)

    def run_cell_magic(self, magic_name: str, line: str, cell: str):
        scripts = self.magics_manager.registry["ScriptMagics"].magics["cell"]
        if self.find_cell_magic(magic_name) is None or magic_name in scripts:
            return print(NOT_RUN.format(f"%%{magic_name}"))
        return super().run_cell_magic(magic_name, line, cell)


def started(module: types.ModuleType) -> NotebookShell:
    """The shell that runs the cells. Its event loop is made here, before sockets are shut."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = NotebookShell.instance(config=config, user_module=module)
    get_asyncio_loop()
    return shell
