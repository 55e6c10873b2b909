"""Residual network: convolutions that correct a shortcut.

The pre-activation form: norm and ReLU stand before the convolutions, so the shortcut carries the
signal through the whole depth untouched, and more blocks do not make it harder to train.
"""

from torch import Tensor, nn

GROUPS = 8


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    # no bias: the norms have their own
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


class ResidualBlock(nn.Module):
    """Features (B, C, H, W) -> (B, C', H / stride, W / stride), rounded up."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        # GroupNorm and not BatchNorm: samples never see each other, so a batch of one works,
        # accumulated gradients equal those of the big batch, and train and eval agree
        self.norm1 = nn.GroupNorm(GROUPS, in_channels)
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.norm2 = nn.GroupNorm(GROUPS, out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        nn.init.zeros_(self.conv2.weight)  # every block starts as its shortcut alone
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            # the mean looks at every pixel, where a strided 1x1 convolution would drop 3 of 4
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
            )

    def forward(self, features: Tensor) -> Tensor:
        branch = self.conv1(self.norm1(features).relu())  # (B, C', H', W')
        branch = self.conv2(self.norm2(branch).relu())
        return self.shortcut(features) + branch


class ResNet(nn.Module):
    """Images (B, C, H, W) -> outputs (B, K).

    width: channels of the first stage, a multiple of 8
    stages: each further one halves the map and doubles the channels;
        the smallest image has 2 ** (stages + 1) pixels a side
    blocks: residual blocks of a stage, two convolutions each
    dropout: share of the features before the head that training switches off
    """

    def __init__(
        self,
        in_channels: int,
        out_features: int,
        *,
        width: int = 32,
        stages: int = 2,
        blocks: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % GROUPS:
            raise ValueError(f"width must be a multiple of {GROUPS} (GroupNorm), got {width}")
        if min(stages, blocks) < 1:
            raise ValueError(f"stages and blocks must be at least 1, got {stages} and {blocks}")
        self.in_channels = in_channels
        self.smallest = 2 ** (stages + 1)  # pixels a side: the last map is at least 4x4
        self.stem = conv3x3(in_channels, width)
        self.blocks = nn.Sequential()
        channels = width
        for stage in range(stages):
            wider = width * 2**stage
            for block in range(blocks):
                halve = stage > 0 and block == 0
                self.blocks.append(ResidualBlock(channels, wider, stride=2 if halve else 1))
                channels = wider
        self.norm = nn.GroupNorm(GROUPS, channels)
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
        features = self.norm(self.blocks(self.stem(images))).relu()  # (B, C', H', W')
        # the maximum and not the mean: a stroke counts wherever it is, however small. Not amax: its gradient
        # is NaN where a compiled model computes the features anew, less rounded than before
        pooled = features.flatten(2).max(dim=2).values  # (B, C')
        return self.head(self.dropout(pooled))  # (B, K)
