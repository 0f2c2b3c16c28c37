"""What the web process loads."""

import subprocess
import sys

from config.stack.folders import ROOT

HEAVY = ["numpy", "scipy", "sklearn", "pyarrow", "onnx", "onnxruntime", "lightgbm", "pandas", "skops", "skl2onnx"]
SCRIPT = f"""
import sys
from config.wsgi import application
from django.urls import get_resolver
from django.contrib import admin
get_resolver().url_patterns, admin.site.urls
print(",".join(name for name in {HEAVY} if name in sys.modules))
"""


def test_web_process_loads_nothing_that_only_workers_need():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
