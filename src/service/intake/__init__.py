"""What a request brings: headers, bodies and files, and the submissions made from them."""
