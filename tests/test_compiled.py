"""What only a compiled model shows: operations that are right one by one, and wrong where a compiler fuses them or computes them anew."""

import pytest
import torch
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from project.models.cnn import CNN
from project.models.resnet import ResNet


def has_compiler():
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(), reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("model_class", [CNN, ResNet])
def test_a_compiled_model_has_the_gradient_of_bfloat16(model_class):
    """A maximum that is computed anew, with other rounding, may be nowhere: then its gradient is 0 / 0."""
    torch.manual_seed(0)
    model = model_class(1, 5, dropout=0.0)
    images = torch.randn(16, 1, 8, 8)

    def gradients():
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = model(images)
        outputs.float().square().sum().backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    expected = gradients()
    model.compile()
    found = gradients()
    assert found.isfinite().all()
    # not equal: which of them is the largest depends on the rounding
    assert torch.cosine_similarity(found, expected, dim=0) > 0.99
