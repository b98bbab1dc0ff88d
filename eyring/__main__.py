"""``python -m eyring`` is the command ``eyring``."""

import sys

from eyring.cli import main

if __name__ == "__main__":
    sys.exit(main())
