"""Write ``docs/benchmarks.md`` from ``results.json``: the newest run of each table, with a picture."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.lab import HERE, Lab, Outcome
from benchmarks.load import generator

RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
PICTURES = HERE.parent / "docs" / "benchmarks"
HEAD = """# Benchmarks

`make bench` writes this page (`make bench T=submit` measures one table). All rows of a table were measured
in one run, in turns, on one machine; each figure is the median of the rounds. Compare ratios rather than
figures, because another machine has other figures.

All rows run the same no-op, which takes a number and returns it, on the same Redis with an AOF and
`everysec`. The last column lists what a row lacks in comparison with Jobline. A row that could not be
measured is listed with the reason.
"""
OWN = "Jobline"
BAR = 22
WIDTH, LABELS = 760, 330
FONT = 'font-family="sans-serif" font-size="12"'


def keep(lab: Lab, name: str, title: str, text: str, outcomes: Sequence[Outcome]) -> None:
    """Replace one table in the results and write the page anew."""
    results = read()
    results[name] = {
        "title": title,
        "text": text,
        "run": {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "rounds": lab.rounds,
            "seconds": lab.seconds,
            "scale": lab.scale,
            "machine": f"{os.cpu_count()} x {processor()}",
            "load": f"{os.getloadavg()[0]:.1f}",
            "python": platform.python_version(),
            "redis": server_version(lab),
            "celery": version("celery"),
            "fastapi": version("fastapi"),
            "generator": generator(),
        },
        "rows": [asdict(outcome) for outcome in outcomes],
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    write(results)


def read() -> dict[str, Any]:  # Any: JSON
    """Read the results kept so far."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def write(results: dict[str, Any]) -> None:
    """Write the page and the pictures."""
    PICTURES.mkdir(exist_ok=True)
    parts = [HEAD]
    for name, table in results.items():
        parts += [f"## {table['title']}", table["text"], about(table["run"])]
        rows = [row for row in table["rows"] if row["figures"]]
        if rows:
            parts.append(as_table(rows))
            (PICTURES / f"{name}.svg").write_text(picture(rows))
            parts.append(f"![{table['title']}](benchmarks/{name}.svg)")
        left = [f"- {row['name']}: {row['reason']}" for row in table["rows"] if row["reason"]]
        if left:
            parts.append("Left out:\n\n" + "\n".join(left))
    PAGE.write_text("\n\n".join(part.strip("\n") for part in parts) + "\n")


def about(run: dict[str, Any]) -> str:
    """Say how it was measured."""
    short = "" if run["scale"] == 1 else f" A short run, {run['scale']:g} of the full counts: a first look."
    return (
        f"{run['at']}; {run['machine']} (load {run['load']} at the end); Python {run['python']}, "
        f"{run['redis']}, Celery {run['celery']}, FastAPI {run['fastapi']}; "
        f"{run['rounds']} rounds, {run['seconds']:g} s each where it is timed; "
        f"load by {run['generator']}.{short}"
    )


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """Write the rows as Markdown; the ratio is of the first figure, to Jobline's first row."""
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    if not names:
        return ""
    own: dict[str, float] = next((row["figures"] for row in rows if row["name"].startswith(OWN)), {})
    has_others = bool(own) and any(not row["name"].startswith(OWN) for row in rows)
    heads = ["", *names, *(["of Jobline's"] if has_others else []), *(["leaves out"] if has_others else [])]
    lines = ["| " + " | ".join(heads) + " |", "| --- " + "| ---: " * (len(heads) - 1) + "|"]
    for row in rows:
        cells = [row["name"], *(number(row["figures"].get(name)) for name in names)]
        if has_others:
            first = names[0]
            ratio = row["figures"][first] / own[first] if own.get(first) and first in row["figures"] else None
            cells += ["" if ratio is None else f"{ratio:.2f} x", row["leaves_out"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Write a figure with three digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def picture(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the first figure of each row as a bar."""
    first = next(iter(rows[0]["figures"]))
    drawn = [(row["name"], row["figures"][first]) for row in rows if first in row["figures"]]
    most = max(value for _, value in drawn) or 1
    height = BAR * len(drawn) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LABELS}" y="18" font-weight="bold">{first}</text>',
    ]
    for index, (name, value) in enumerate(drawn):
        y = 30 + BAR * index
        bar = max(1, value / most * (WIDTH - LABELS - 90))
        colour = "#2a6fb0" if name.startswith(OWN) else "#d9822b" if name.startswith("limit") else "#9aa5b1"
        label = name.replace("&", "&amp;").replace("<", "&lt;")
        lines += [
            f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{label}</text>',
            f'<rect x="{LABELS}" y="{y + 3}" width="{bar:.0f}" height="{BAR - 8}" fill="{colour}"/>',
            f'<text x="{LABELS + bar + 6:.0f}" y="{y + 14}">{number(value)}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def server_version(lab: Lab) -> str:
    """Name the Redis of this run, and its allocator; Valkey tells a Redis version too, for old clients."""
    told = lab.redis.info("server")
    valkey = told.get("valkey_version")
    name = f"Valkey {valkey}" if valkey else f"Redis {told.get('redis_version')}"
    is_loaded = "jemalloc" in Path(f"/proc/{lab.server.pid}/maps").read_text(encoding="utf-8")
    return f"{name} ({'jemalloc' if is_loaded else lab.redis.info('memory')['mem_allocator']})"


def processor() -> str:
    """Name the processor, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as told:  # noqa: PTH123 - a file of the kernel
            return next(line.partition(":")[2].strip() for line in told if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
