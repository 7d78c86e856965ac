"""``python -m service.cli``: how `jobline dev` starts its children with its own interpreter."""

from service.cli import main

main()
