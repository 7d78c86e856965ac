"""``python -m jobline.cli``: how `jobline dev` starts its children with its own interpreter."""

from jobline.cli import main

main()
