"""The same so small that a CPU does it in seconds, in fp32 and not compiled."""

from dataclasses import replace
from functools import partial

from configs.measured import config as measured
from leaf.models.transformer import TokenTransformer
from leaf.tasks.made_up import MadeUpTexts

config = replace(
    measured,
    task=partial(MadeUpTexts, samples=6 * 16, length=31),
    model=partial(TokenTransformer, width=32, depth=2, heads=2, dropout=0.0),
    optimizer=partial(measured.optimizer, lr=2e-3),
    precision="fp32",
    device="cpu",
    compile=False,
    epochs=4,
    batch_size=16,
    log_steps=5,
)
