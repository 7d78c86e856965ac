"""Tests: they mirror src, with contracts/ and acceptance/ beside."""
