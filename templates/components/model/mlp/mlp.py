"""Multilayer perceptron: dense layers on flattened inputs.

The strong first choice for tables, and the yardstick for images: what a network reaches that
does not know that pixels have neighbours.
"""

from torch import Tensor, nn


class MLP(nn.Module):
    """Rows (B, F) or images (B, C, H, W) with C * H * W = F -> outputs (B, K).

    width: features of a hidden layer
    depth: hidden layers; 0 leaves a linear model
    dropout: share of the hidden features that training switches off
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.layers = nn.Sequential()
        features = in_features
        for _ in range(depth):
            linear = nn.Linear(features, width)
            # made for ReLU: with torch's own start the signal shrinks layer by layer
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            self.layers.extend([linear, nn.ReLU(), nn.Dropout(dropout)])
            features = width
        self.head = nn.Linear(features, out_features)
        # a small head starts without an opinion: the first loss of K classes is about ln K
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.ndim < 2 or inputs[0].numel() != self.in_features:
            raise ValueError(
                f"expected {self.in_features} numbers a sample, (B, {self.in_features}) or images "
                f"with as many pixels, got {tuple(inputs.shape)}"
            )
        return self.head(self.layers(inputs.flatten(1)))  # (B, K)
