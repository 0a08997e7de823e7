"""`python -P -m proxy` is `trunkward`."""

from proxy.cli import main

if __name__ == "__main__":
    main(prog_name="trunkward")
