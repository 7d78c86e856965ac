"""Generated clients: strict types, and every step against the live service, without a cast."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.support.sdk import Live, need_compiler, run

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

SDK = ROOT / "sdk"
EXAMPLES = SDK / "examples"
PYTHON = str(ROOT / ".venv-sdk/bin/python")
CACHES = ROOT / "build/sdk/caches"
#: openapi-generator's Python does not annotate its own plumbing; everything that a caller sees is typed.
NOT_ANNOTATED = [
    "--allow-incomplete-defs",
    "--allow-untyped-calls",
    "--allow-untyped-defs",
    "--implicit-reexport",
    "--no-warn-return-any",
]


@pytest.mark.parametrize("client", ["python"], indirect=True)
def test_client_of_openapi_python_client_keeps_strict_types(client: Path) -> None:
    check_python(client, [str(client / "jobline_client"), str(EXAMPLES / "python_client.py")])


@pytest.mark.parametrize("client", ["pydantic"], indirect=True)
def test_client_of_openapi_generator_keeps_the_types_that_it_writes(client: Path) -> None:
    check_python(client, [*NOT_ANNOTATED, str(client / "jobline_client")], "client")
    check_python(client, ["--follow-imports", "silent", str(EXAMPLES / "pydantic_client.py")], "program")


@pytest.mark.parametrize("client", ["python", "pydantic"], indirect=True)
def test_python_client_takes_every_step(client: Path, live: Live) -> None:
    program = EXAMPLES / f"{client.name}_client.py"
    run(
        [PYTHON, "-W", "error", str(program), str(live.photo)], client, python_path(client) | live.environment
    )


@pytest.mark.parametrize(
    "client", ["typescript-fetch", "hey-api", "openapi-fetch", "swagger-typescript-api"], indirect=True
)
def test_typescript_client_compiles_under_strict_types_and_takes_every_step(client: Path, live: Live) -> None:
    node = need_compiler()
    compiler = str(SDK / "node_modules/typescript/bin/tsc")
    run([node, compiler, "--project", f"tsconfig.{client.name}.json"], SDK, os.environ)
    program = f"js/{client.name}/sdk/examples/{client.name.replace('-', '_')}_client.js"
    run([node, program, str(live.photo)], ROOT / "build/sdk", os.environ | live.environment)


def test_documented_examples_stand_in_the_programs_that_run() -> None:
    documented = re.findall(r"^```(?:python|ts)\n(.*?)^```$", read("docs/sdk.md"), re.MULTILINE | re.DOTALL)
    programs = "\n".join(path.read_text() for path in sorted(EXAMPLES.iterdir()))

    assert len(documented) >= len(list(EXAMPLES.iterdir()))
    assert [block for block in documented if block not in programs] == []


def test_locks_of_the_generators_hold_digests_and_no_registry() -> None:
    packages = json.loads(read("sdk/package-lock.json"))["packages"]
    pins = re.split(
        r"^(?=\S)",
        re.sub(r"^\s*#.*\n", "", read("sdk/requirements.lock"), flags=re.MULTILINE),
        flags=re.MULTILINE,
    )

    assert [
        name for name, one in packages.items() if name and ("resolved" in one or "integrity" not in one)
    ] == []
    assert [
        pin for pin in pins if pin and not ("==" in pin and "--hash=sha256:" in pin and "://" not in pin)
    ] == []


def check_python(client: Path, arguments: list[str], cache: str = "all") -> None:
    """Check types strictly, by the packages that the client runs with."""
    run(
        [
            str(ROOT / ".venv/bin/mypy"),
            "--strict",
            "--config-file=",
            "--explicit-package-bases",
            f"--cache-dir={CACHES / client.name / cache}",
            f"--python-executable={PYTHON}",
            *arguments,
        ],
        client,
        python_path(client),
    )


def python_path(client: Path) -> dict[str, str]:
    """Let Python and mypy find the client."""
    return {"PATH": os.environ["PATH"], "MYPYPATH": str(client), "PYTHONPATH": str(client)}


def read(path: str) -> str:
    return (ROOT / path).read_text()
