"""``relip gizmo``: versioned gizmos and the comps that use them, as text, without Nuke."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import EXIT_SOME_FRAMES_FAILED, UsageError

if TYPE_CHECKING:
    from relip.gizmo.library import Library
    from relip.gizmo.upgrade import Upgraded

#: What was looked at has faults; the report lists them.
EXIT_FAULTS = EXIT_SOME_FRAMES_FAILED

EPILOG = """\
The gizmos are those of --gizmos DIR, else of the environment variable RELIP_GIZMOS, else of the
checkout. Comps are read as text: nothing in them is run.

  relip gizmo list
  relip gizmo lint                              every gizmo of the folder
  relip gizmo audit comp.nk                     the Relip nodes of a comp and their state
  relip gizmo upgrade comp.nk --dry-run         what an upgrade would do
  relip gizmo upgrade comp.nk -o comp_v002.nk
  relip gizmo freeze comp.nk -o vendor.nk       gizmos become groups
  relip gizmo bundle comp.nk -o gizmos.zip      the gizmos a comp needs

exit codes: 0 fine, 2 usage, 3 a file is missing or damaged, 4 faults found (lint, audit), something
was dropped or needs a look (upgrade), or the manifest is old (manifest --check), 6 not writable
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parsers."""
    text = "lint, list, audit, upgrade, freeze and bundle Nuke gizmos, without Nuke"
    parser = subparsers.add_parser(
        "gizmo",
        help=text,
        description=text,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=type(parser)
    )

    def add(name: str, help_text: str, run: Any) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = actions.add_parser(
            name, help=help_text, description=help_text
        )
        action.add_argument(
            "--gizmos", metavar="DIR", help="folder of released gizmos and gizmos.toml"
        )
        add_common(action)
        action.set_defaults(run=run)
        return action

    action = add("list", "the gizmos of the folder", run_list)
    action = add("lint", "what is wrong with gizmo files", run_lint)
    action.add_argument("files", nargs="*", metavar="FILE.gizmo", help="default: all of the folder")
    action = add("audit", "the Relip nodes of comps and their state", run_audit)
    action.add_argument("comps", nargs="+", metavar="COMP.nk")
    action.add_argument(
        "--strict", action="store_true", help="outdated and deprecated nodes are faults too"
    )
    action = add("upgrade", "bring the Relip nodes of a comp to their newest version", run_upgrade)
    _add_comp(action, "default: COMP.nk itself; what it was is kept as COMP.nk.bak")
    action.add_argument("--dry-run", action="store_true", help="only say what would be done")
    action = add("freeze", "turn the Relip gizmos of a comp into groups", run_freeze)
    _add_comp(action, "the frozen comp", required=True)
    action = add("bundle", "gather the gizmos that a comp needs", run_bundle)
    action.add_argument("comp", metavar="COMP.nk")
    action.add_argument(
        "-o", "--out", required=True, metavar="OUT", help="a new folder, or a name ending in .zip"
    )
    action = add("manifest", "compute checksums and knobs in gizmos.toml", run_manifest)
    action.add_argument(
        "--release", nargs="*", metavar="CLASS", help="mark classes (all) as released: for ever"
    )
    action.add_argument("--check", action="store_true", help="write nothing; exit 4 if it is old")


def _add_comp(action: argparse.ArgumentParser, help_text: str, *, required: bool = False) -> None:
    action.add_argument("comp", metavar="COMP.nk")
    action.add_argument("-o", "--out", required=required, metavar="OUT.nk", help=help_text)
    action.add_argument(
        "--only", action="append", metavar="NODE", help="only this node (may be repeated)"
    )


def run_list(args: argparse.Namespace) -> Result:
    """The classes of the folder."""
    library = _library(args)
    rows = []
    for entry in library.entries.values():
        newest = library.newest(entry.family)
        rows.append(
            {
                "class": entry.cls,
                "version": entry.version,
                "protocol": entry.protocol,
                "state": library.file_state(entry.cls),
                "deprecated": entry.deprecated,
                "newest": newest is not None and newest.cls == entry.cls,
                "sha256": entry.sha256,
            }
        )
    width = max(len(str(row["class"])) for row in rows)
    lines = [str(library.folder)]
    for row in rows:
        notes = [n for n in ("deprecated", "newest") if row[n]]
        lines.append(
            f"{row['class']:<{width}}  {row['version']:<7} {row['state']:<9} {', '.join(notes)}"
        )
    data = {"folder": str(library.folder), "gizmos": rows}
    return Result(data, "\n".join(line.rstrip() for line in lines))


def run_lint(args: argparse.Namespace) -> Result:
    """Lint files."""
    from relip.gizmo.lint import lint_file

    library = None if args.files and not args.gizmos else _library(args)
    if args.files:
        paths = [Path(name) for name in args.files]
    else:
        assert library
        paths = sorted(library.folder.glob("*.gizmo"))
    findings = [finding for path in paths for finding in lint_file(path, library)]
    if library and not args.files:
        from relip.gizmo.lint import lint_manifest

        findings += lint_manifest(library)
    data = {
        "files": [str(path) for path in paths],
        "findings": [
            {"file": f.file, "line": f.line, "rule": f.rule, "message": f.message} for f in findings
        ],
    }
    found = f"{len(findings)} found" if findings else "nothing found"
    lines = [str(f) for f in findings] + [f"{_count(len(paths), 'gizmo')} looked at, {found}"]
    return Result(data, "\n".join(lines), EXIT_FAULTS if findings else 0)


def run_audit(args: argparse.Namespace) -> Result:
    """Audit comps."""
    from relip.gizmo.audit import audit
    from relip.gizmo.comp import Comp

    library = _library(args)
    lines, comps, faults = [], [], False
    for name in args.comps:
        reports = audit(Comp.read(name), library)
        comps.append(
            {"comp": name, "nodes": [r.to_dict() | {"problem": r.is_problem} for r in reports]}
        )
        lines.append(f"{name}: {_count(len(reports), 'Relip node')}")
        width = max((len(r.node) for r in reports), default=0)
        for r in reports:
            strict = args.strict and bool({"outdated", "deprecated"} & set(r.states))
            faults = faults or r.is_problem or strict
            note = f"  newest {r.newest}" if "outdated" in r.states else ""
            note += f"  clone of {r.clone_of}" if r.clone_of else ""
            note += f"  unknown knobs: {', '.join(r.unknown_knobs)}" if r.unknown_knobs else ""
            lines.append(
                f"  {r.node:<{width}}  line {r.line:<6} {r.cls}  {', '.join(r.states)}{note}"
            )
    data = {"folder": str(library.folder), "comps": comps}
    return Result(data, "\n".join(lines), EXIT_FAULTS if faults else 0)


def run_upgrade(args: argparse.Namespace) -> Result:
    """Upgrade a comp."""
    from relip.gizmo.comp import Comp
    from relip.gizmo.upgrade import upgrade
    from relip.handoff import nk

    library = _library(args)
    if args.out and args.dry_run:
        raise UsageError("--dry-run writes nothing", mend="leave out -o or --dry-run")
    comp = Comp.read(args.comp)
    result = upgrade(comp, library, only=args.only)
    changed = result.text != comp.script.text
    written, backup = "", ""
    if not args.dry_run and (changed or args.out):
        written = args.out or args.comp
        if not args.out:
            backup = str(_backup(Path(args.comp), comp.script.text))
        nk.save(result.text, written)
    data = {
        "comp": args.comp,
        "out": written,
        "backup": backup,
        "changed": changed,
        "changes": [change.to_dict() for change in result.changes],
    }
    code = EXIT_FAULTS if result.needs_a_look else 0
    return Result(data, _describe_upgrade(result, args.comp, written, backup, library), code)


def _describe_upgrade(
    result: Upgraded, comp: str, written: str, backup: str, library: Library
) -> str:
    lines = [str(change) for change in result.changes]
    count = sum(change.what == "class" for change in result.changes)
    if not count:
        lines.append(f"{comp}: nothing to upgrade with the gizmos of {library.folder}")
    else:
        what = f"{_count(count, 'node')} upgraded" if written else f"{count} would be upgraded"
        lines.append(f"{comp}: {what}" + (f", written to {written}" if written else ""))
    if backup:
        lines.append(f"what it was: {backup}")
    return "\n".join(lines)


def run_freeze(args: argparse.Namespace) -> Result:
    """Freeze a comp."""
    from relip.gizmo.comp import Comp
    from relip.gizmo.freeze import freeze
    from relip.handoff import nk

    result = freeze(Comp.read(args.comp), _library(args), only=args.only)
    nk.save(result.text, args.out)
    data = {
        "comp": args.comp,
        "out": args.out,
        "frozen": [{"node": node, "class": cls} for node, cls in result.nodes],
        "notes": result.notes,
    }
    lines = [f"{node}: {cls} is a group now" for node, cls in result.nodes] + result.notes
    lines.append(f"{args.out}: {_count(len(result.nodes), 'node')} frozen")
    return Result(data, "\n".join(lines))


def run_bundle(args: argparse.Namespace) -> Result:
    """Bundle the gizmos of a comp."""
    from relip.gizmo.bundle import bundle
    from relip.gizmo.comp import Comp

    files = bundle(Comp.read(args.comp), _library(args), Path(args.out))
    data = {"comp": args.comp, "out": args.out, "files": files}
    return Result(data, "\n".join([*files, f"{args.out}: {_count(len(files), 'file')}"]))


def run_manifest(args: argparse.Namespace) -> Result:
    """Compute the manifest."""
    from relip.gizmo.library import find_folder
    from relip.gizmo.manifest import NAME, compute, format_manifest, read_manifest
    from relip.records import write_text

    folder = find_folder(args.gizmos)
    path = folder / NAME
    old = read_manifest(path)
    release = args.release
    if release == []:
        release = list(compute(folder))
    new = compute(folder, release=release)
    changed = [cls for cls in sorted({*old, *new}) if old.get(cls) != new.get(cls)]
    if changed and not args.check:
        write_text(path, format_manifest(new))
    data = {"manifest": str(path), "changed": changed, "written": bool(changed and not args.check)}
    if not changed:
        text = f"{path}: up to date"
    else:
        text = f"{path}: {'old' if args.check else 'written'}: {', '.join(changed)}"
    return Result(data, text, EXIT_FAULTS if changed and args.check else 0)


def _library(args: argparse.Namespace) -> Library:
    from relip.gizmo.library import open_library

    return open_library(args.gizmos)


def _backup(path: Path, text: str) -> Path:
    """Keep what the comp was, beside it, over nothing that is there."""
    from relip.handoff import nk

    number = 0
    while True:
        backup = path.with_name(f"{path.name}.bak{number or ''}")
        if not backup.exists():
            nk.save(text, backup)
            return backup
        number += 1


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
