"""Measure Jobline beside others: ``python -m benchmarks [submit worker …]``.

All rows of a table are measured in one run, in turns, several rounds; the median counts. `lab` has what every
measurement shares, each other module one table, and `peers/` the programs of the others, which run in
environments of their own. `costs` counts commands to Redis, which is repeatable where time is not.
"""
