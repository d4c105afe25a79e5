"""`python -m smppgw`."""

from smppgw.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
