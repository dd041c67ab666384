#!/usr/bin/env python3
"""Prints the licences of all crates that are linked into the program, as their packages have them; equal texts once.

With --check it holds all crates, those of tests and builds too, to what deny.toml says of licences, sources and forbidden crates. That
is the part of `cargo deny check licenses bans sources` that takes no program which is built for minutes."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

NAMES = ("licen", "copying", "notice", "unlicense", "copyright")
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def linked(data):
    """The packages that the program is made of: not those of tests, of build scripts and of macros."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    packages = {package["id"]: package for package in data["packages"]}
    root = data["resolve"]["root"]
    found, rest = set(), [root]
    while rest:
        one = rest.pop()
        if one in found or any("proc-macro" in target["kind"] for target in packages[one]["targets"]):
            continue
        found.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                rest.append(dependency["pkg"])
    found.discard(root)
    return sorted((packages[one] for one in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.lower().startswith(NAMES):
            yield path.name, path.read_text(errors="replace").strip()


def show(data):
    print("rawsock is linked with these crates, and with Rust's standard library (MIT or Apache-2.0):\n")
    by_text, missing = {}, []
    for package in linked(data):
        print(f"  {package['name']} {package['version']}: {package['license'] or package['license_file']}")
        found = list(texts(package))
        if not found:
            missing.append(package["name"])
        for name, text in found:
            by_text.setdefault(text, []).append(f"{package['name']}/{name}")
    if missing:
        print("\nThese have no text of a licence in their packages: " + ", ".join(missing))
    for text, owners in by_text.items():
        print("\n" + "=" * 78 + "\n" + "\n".join(owners) + "\n" + "-" * 78 + "\n" + text)


def is_allowed(expression, allowed):
    """Whether a licence expression (SPDX; old ones have a slash for OR) can be met by what is allowed."""
    words = re.findall(r"[()]|[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?", expression.replace("/", " OR "))
    terms = [word.lower() if word in ("AND", "OR") else word if word in "()" else str(word in allowed) for word in words]
    return bool(eval(" ".join(terms), {"__builtins__": {}}))  # of True, False, and, or, and parentheses alone


def check(data):
    rules = tomllib.loads(pathlib.Path("deny.toml").read_text())
    allowed = set(rules["licenses"]["allow"])
    forbidden = {entry["crate"] for entry in rules["bans"]["deny"]}
    faults, used = [], set()
    for package in data["packages"]:
        name = f"{package['name']} {package['version']}"
        expression = package["license"] or ""
        used.update(re.findall(r"[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?", expression))
        if not expression or not is_allowed(expression, allowed):
            faults.append(f"{name}: its licence is {expression or 'not said'}")
        if package["name"] in forbidden:
            faults.append(f"{name}: deny.toml forbids it")
        if package["source"] not in (None, REGISTRY):
            faults.append(f"{name}: comes from {package['source']}")
    faults += [f"deny.toml allows {licence}, and no crate has it" for licence in sorted(allowed - used)]
    print("\n".join(faults) or f"{len(data['packages'])} crates: licences, sources and bans are as deny.toml says")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(check(metadata()) if sys.argv[1:] == ["--check"] else show(metadata()))
