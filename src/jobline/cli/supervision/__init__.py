"""Run the processes of `jobline dev` and `jobline demo` together, and end them together."""
