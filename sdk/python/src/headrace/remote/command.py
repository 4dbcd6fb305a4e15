"""`headrace-engine remote`: from the command line to a running agent."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from headrace.engine.project import Project, ProjectError
from headrace.remote.agent import run_agent
from headrace.remote.engine import find_engines
from headrace.remote.settings import Settings, check_url


def run(options: argparse.Namespace) -> int:
    check_url(options.connect, insecure=options.insecure)
    try:
        token = options.token_file.read_text("utf-8").strip()
    except OSError as error:
        raise ProjectError(f"--token-file: {options.token_file}: {error.strerror}") from error
    if not token or not token.isascii() or any(character.isspace() for character in token):
        raise ProjectError(f"--token-file: {options.token_file} holds no key")
    if options.install:
        for root in options.engine:
            for path in sorted(root.rglob("engine.toml")):
                Project.load(path.parent).install()
    engines = find_engines(options.engine)
    settings = Settings(
        url=options.connect,
        token=token,
        name=options.name or os.uname().nodename,
        ca_file=options.ca_file,
        proxy={None: True, "none": None}.get(options.proxy, options.proxy),
    )
    try:
        settings.tls()
    except OSError as error:
        raise ProjectError(f"--ca-file: {options.ca_file}: {error}") from error
    _log_to_stderr(options.log)
    asyncio.run(run_agent(settings, engines))
    return 0


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("headrace.remote")
    logger.addHandler(handler)
    logger.setLevel(level.upper())
