"""digits: a plain PyTorch project. Start reading at train.py."""

import os

# Both are read once, when torch is imported.
# Idle threads that spin take the cores from those that work: on a busy machine a step takes ten times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# What cuBLAS needs to give the same result twice.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
