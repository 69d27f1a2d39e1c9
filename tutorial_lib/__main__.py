"""python -m tutorial_lib: the command line."""

from tutorial_lib.cli import main

if __name__ == "__main__":
    main()
