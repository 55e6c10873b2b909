"""`python -m torchgen_cli` is `torchgen`."""

import sys

from torchgen_cli.cli import main

sys.exit(main())
