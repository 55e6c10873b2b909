"""digits: a plain PyTorch project. Start reading at train.py."""

import os

# Idle threads that spin take the cores from those that work: on a busy machine a step takes ten times as long.
# It is read once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
