#!/usr/bin/env python3
"""Prints the licences of all crates that are linked into the program, as their packages have them; equal texts once."""

import json
import pathlib
import subprocess

NAMES = ("licen", "copying", "notice", "unlicense", "copyright")


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


if __name__ == "__main__":
    show(metadata())
