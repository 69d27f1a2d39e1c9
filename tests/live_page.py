"""The live pages' modules in Node: numbers in, numbers out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[1] / "site" / "live"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node, which runs the modules, is missing")


def in_node(module: str, expression: str, **values):
    """The value of a JavaScript expression that knows `values` and a module's exports as `m`."""
    script = f"""
        import * as m from {json.dumps((PAGES / "js" / module).as_uri())};
        const {{ {", ".join(values)} }} = {json.dumps(values)};
        const plain = (key, value) => ArrayBuffer.isView(value) ? [...value] : value;
        console.log(JSON.stringify({expression}, plain));
    """
    command = [NODE, "--input-type=module", "--eval", script]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
