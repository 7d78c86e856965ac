"""uvicorn, with what Jobline adds to its protocol, its writes and its end."""
