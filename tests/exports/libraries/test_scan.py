"""Test what the scan reports, and what it lets pass."""

from __future__ import annotations

import pytest

from rdlake.exports.libraries.scan import scan_code
from tests.exports.libraries.builders import code_of


def kinds(code: str) -> set[str]:
    return {each.kind for each in scan_code(code.encode())}


def test_a_usual_factor_reaches_for_nothing() -> None:
    assert scan_code(code_of("动量_5日").encode()) == ()
    plain = "import os\nimport numpy as np\np = os.path.join('a', 'b')\nx = np.log(2) # a / b\n"
    assert scan_code(plain.encode()) == ()
    assert scan_code(b'"""close / open, see ../notes"""\nx = "close / open"\n') == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import socket", "network"),
        ("from urllib import request", "network"),
        ("import requests as r", "network"),
        ("import pandas as pd\npd.read_csv('https://x.example/a.csv')", "network"),
        ("import subprocess", "processes"),
        ("import os as o\no.system('id')", "processes or files"),
        ("from os import system as s\ns('id')", "processes or files"),
        ("import multiprocessing", "processes"),
        ("open('/etc/passwd')", "files"),
        ("open('../x', 'w')", "files"),
        (r"open('C:\\x')", "files"),
        ("import shutil\nshutil.rmtree('a')", "files"),
        ("from pathlib import Path\nPath.home()", "files"),
        ("eval('1')", "code"),
        ("e = exec\ne('1')", "code"),
        ("__import__('os')", "code"),
        ("import ctypes", "code"),
        ("import importlib", "code"),
        ("import pickle", "code"),
        ("import pandas as pd\npd.read_pickle('a')", "code"),
        ("import numpy as np\nnp.load('a', allow_pickle=True)", "code"),
        ("().__class__.__bases__", "code"),
        ("import pandas as pd\npd.io.common.os.remove('a')", "code"),
        ("import sys\nsys.modules['os']", "code"),
        ("getattr(1, 'x')", "code"),
        ("from pandas import read_pickle", "code"),
        ("import something_new", "a module that is not known"),
        ("def broken(:", "code"),
        ("x = '\0'", "code"),
    ],
)
def test_what_reaches_out_is_reported(code: str, kind: str) -> None:
    assert kind in kinds(code)


def test_a_report_says_where() -> None:
    (found,) = scan_code(b"import pandas\n\nimport socket\n")
    assert str(found) == "line 3: import socket (network)"
