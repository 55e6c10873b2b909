"""What is trained: generated projects, each with a config to be measured and a tiny one. What they train on is made up in memory."""

from dataclasses import dataclass

MEASURED, TINY = "configs/measured.py", "configs/tiny.py"


@dataclass(frozen=True)
class GpuWork:
    """One training, in a project's folder of that name.

    unit: what is counted a second
    least_utilisation: of the matrix-multiply rate of the device, the goal; None where there is none
    """

    name: str
    title: str
    task: str
    unit: str
    least_utilisation: float | None = None


WORKS = (
    GpuWork("resnet", "ResNet-18 on 32x32 images", "image_classification", "images"),
    GpuWork("transformer", "Transformer encoder of 85M parameters on 512 tokens", "text_classification", "tokens", 0.45),
)  # fmt: skip
