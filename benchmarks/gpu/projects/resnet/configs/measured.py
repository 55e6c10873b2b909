"""What is measured on a GPU: a ResNet-18 on images of 32x32, in bf16 and compiled.

One evaluation, after the last step: none falls between the steps that are measured, and no batch is smaller than the others.
"""

from dataclasses import replace
from functools import partial

from configs.baseline import config as baseline
from leaf.models.resnet import ResNet
from leaf.tasks.made_up import MadeUpImages

config = replace(
    baseline,
    task=partial(MadeUpImages, samples=44 * 512),
    model=partial(ResNet, width=64, stages=4, blocks=2, dropout=0.0),
    precision="bf16",
    compile=True,
    epochs=20,
    batch_size=512,
    log_steps=50,
    evaluate_steps=10**9,
)
