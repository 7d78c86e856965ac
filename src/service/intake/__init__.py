"""What a request brings: headers, bodies, files, and the submissions made from them."""
