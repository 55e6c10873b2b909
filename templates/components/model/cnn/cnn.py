"""Convolutional network: 3x3 convolutions on ever smaller maps.

Each further stage halves the map and doubles the channels. Of the last map only each channel's
maximum is kept, so any height and width will do, and the head stays small.
"""

from torch import Tensor, nn

GROUPS = 8


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Features (B, C, H, W) -> (B, C', H, W)."""
    # no bias: the norm has its own
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    # GroupNorm and not BatchNorm: samples never see each other, so a batch of one works,
    # accumulated gradients equal those of the big batch, and train and eval agree
    return nn.Sequential(conv, nn.GroupNorm(GROUPS, out_channels), nn.ReLU())


class CNN(nn.Module):
    """Images (B, C, H, W) -> outputs (B, K).

    width: channels of the first stage, a multiple of 8
    stages: pairs of convolutions; the smallest image has 2 ** (stages + 1) pixels a side
    dropout: share of the features before the head that training switches off
    """

    def __init__(
        self,
        in_channels: int,
        out_features: int,
        *,
        width: int = 32,
        stages: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % GROUPS:
            raise ValueError(f"width must be a multiple of {GROUPS} (GroupNorm), got {width}")
        if stages < 1:
            raise ValueError(f"stages must be at least 1, got {stages}")
        self.in_channels = in_channels
        self.smallest = 2 ** (stages + 1)  # pixels a side: the last map is at least 4x4
        self.features = nn.Sequential()
        channels = in_channels
        for stage in range(stages):
            wider = width * 2**stage
            if stage > 0:
                self.features.append(nn.MaxPool2d(2))
            self.features.append(conv_block(channels, wider))
            self.features.append(conv_block(wider, wider))
            channels = wider
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, out_features)
        # a small head starts without an opinion: the first loss of K classes is about ln K
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        wrong = images.ndim != 4 or images.shape[1] != self.in_channels
        if wrong or min(images.shape[2:]) < self.smallest:
            raise ValueError(
                f"expected images (B, {self.in_channels}, H, W) of at least "
                f"{self.smallest}x{self.smallest} pixels, got {tuple(images.shape)}"
            )
        features = self.features(images)  # (B, C', H', W')
        # the maximum and not the mean: a stroke counts wherever it is, however small. Not amax: its gradient
        # is NaN where a compiled model computes the features anew, less rounded than before
        pooled = features.flatten(2).max(dim=2).values  # (B, C')
        return self.head(self.dropout(pooled))  # (B, K)
