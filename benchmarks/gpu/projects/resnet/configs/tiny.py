"""The same so small that a CPU does it in seconds, in fp32 and not compiled."""

from dataclasses import replace
from functools import partial

from configs.measured import config as measured
from leaf.models.resnet import ResNet
from leaf.tasks.made_up import MadeUpImages

config = replace(
    measured,
    task=partial(MadeUpImages, samples=6 * 16),
    model=partial(ResNet, width=8, stages=2, blocks=1, dropout=0.0),
    precision="fp32",
    device="cpu",
    compile=False,
    epochs=4,
    batch_size=16,
    log_steps=5,
)
