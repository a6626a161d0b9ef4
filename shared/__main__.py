"""`python -m shared` is `hawkline`, for those who start parts with the interpreter they run in."""

from shared.commands import main

if __name__ == "__main__":
    main()
