"""The task families that come along, one module or package each; functions import heavy libraries."""
