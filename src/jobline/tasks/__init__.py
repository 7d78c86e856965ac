"""The work: one file or package a family. Heavy libraries are imported inside functions."""
