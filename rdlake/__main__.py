"""Run the command line: `python -m rdlake`."""

from rdlake.cli.main import main

if __name__ == "__main__":
    main()
