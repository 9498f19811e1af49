"""``python -m supctl`` is ``supctl``."""

from supctl.cli.main import main

if __name__ == "__main__":
    main(prog_name="supctl")
