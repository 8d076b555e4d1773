"""Checks in a real Nuke what Relip's tests assume about it.

::

    nuke -t tests/in_nuke/run.py

Prints a table and exits with 0 when everything holds, 1 when something does
not. Takes under a minute, needs no footage, no network and nothing but Nuke;
what it writes goes to a temporary folder. Please send us the table when a
line says FAIL: it names what Nuke did instead.
"""

import os
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from checking import Failed, Skipped, registered  # noqa: E402


def run(stream=None):
    """Run all checks in the Nuke that is running.

    Returns
    -------
    int
        0 when all hold or were skipped, else 1.
    """
    import facts_gizmos  # noqa: F401
    import facts_nodes  # noqa: F401
    import facts_pixels  # noqa: F401
    import facts_relip  # noqa: F401
    import facts_text  # noqa: F401
    import nuke

    stream = stream or sys.stdout
    folder = tempfile.mkdtemp(prefix="relip_in_nuke_").replace("\\", "/")
    rows = []
    try:
        for title, check in registered():
            nuke.scriptClear()
            try:
                check(folder)
                rows.append(("ok", title, ""))
            except Skipped as reason:
                rows.append(("skip", title, str(reason)))
            except Failed as found:
                rows.append(("FAIL", title, str(found)))
            except Exception as error:
                where = traceback.extract_tb(sys.exc_info()[2])[-1]
                said = f"{type(error).__name__}: {error} ({where[0]}:{where[1]})"
                rows.append(("FAIL", title, said))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stream.write(f"Nuke {nuke.NUKE_VERSION_STRING}, Python {sys.version.split()[0]}\n")
    for state, title, detail in rows:
        stream.write("%-4s  %s%s\n" % (state, title, "  <- " + detail if detail else ""))
    bad = [row for row in rows if row[0] == "FAIL"]
    skipped = [row for row in rows if row[0] == "skip"]
    stream.write(
        "%d facts hold, %d do not, %d skipped\n"
        % (len(rows) - len(bad) - len(skipped), len(bad), len(skipped))
    )
    stream.flush()
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(run())
