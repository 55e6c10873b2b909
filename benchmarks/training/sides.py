"""The sides: the generated project, the bare loop, and other libraries in ordinary and in tuned use."""

from dataclasses import dataclass

OURS, BARE, AGAIN = "torchgen", "bare", "again"
TOLERANCE = 1e-4  # by which losses may differ, relative to those of the bare loop


@dataclass(frozen=True)
class Side:
    """One way to do the work.

    command: what follows Python, in the project's folder; `SIDES/` is where the scripts are
    requirements: what is installed for it, beside torch; sides with the same ones share an environment
    remark: what it does not do, or does otherwise, than the others
    tolerance: how far its losses may be from those of the bare loop
    """

    name: str
    label: str
    command: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    remark: str = ""
    tolerance: float = TOLERANCE


ORDINARY = "ordinary"
TUNED = "tuned"


def both(
    script: str, label: str, *requirements: str, remark: str = "", tolerance: float = TOLERANCE
) -> tuple[Side, Side]:
    """A library in ordinary and in tuned use."""
    command = (f"SIDES/with_{script}.py",)
    name = label.lower().replace(" ", "_")
    return (
        Side(f"{name}_{ORDINARY}", f"{label}, ordinary", command, requirements, remark, tolerance),
        Side(
            f"{name}_{TUNED}",
            f"{label}, tuned",
            (*command, "tuned"),
            requirements,
            remark,
            tolerance,
        ),
    )


OWN = ("matplotlib", "pillow")
NOTHING = ("SIDES/with_nothing.py",)
KEPT = (
    Side(OURS, "torchgen", ("-m", "leaf.train", "configs/measured.py"), OWN),
    Side(BARE, "bare loop", NOTHING, OWN),
    Side(AGAIN, "bare loop, again", NOTHING, OWN),
)
PEERS = (
    *both("lightning", "Lightning", "lightning"),
    *both("fabric", "Fabric", "lightning-fabric"),
    *both("ignite", "Ignite", "pytorch-ignite"),
    *both("accelerate", "Accelerate", "accelerate"),
    *both("transformers", "HF Trainer", "transformers[torch]"),
    *both(
        "keras",
        "Keras on torch",
        "keras",
        remark="Keras on torch writes its records once an epoch, and saves the weights alone; its AdamW adds epsilon elsewhere, so its losses may differ more",
        tolerance=1e-2,
    ),
    *both("fastai", "fastai", "fastai", remark="fastai evaluates after every epoch"),
)
