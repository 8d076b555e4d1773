"""Nodes, callbacks, threads, progress."""

import sys

from checking import Failed, Skipped, fact, paste, same, true

#: The Python of each Nuke, as far as we know.
PYTHONS = {13: (3, 7), 14: (3, 9), 15: (3, 10), 16: (3, 11), 17: (3, 11)}


@fact("this Nuke's Python is the one we know of")
def python_version(folder):
    import nuke

    if getattr(nuke, "__file__", None) is None:
        raise Skipped("not a real Nuke")
    major = nuke.NUKE_VERSION_MAJOR
    if major not in PYTHONS:
        raise Failed("Nuke %d is unknown to us; its Python is %s" % (major, sys.version_info[:2]))
    same(sys.version_info[:2], PYTHONS[major], "Python of Nuke %d" % major)


@fact("onUserCreate runs before onCreate; nuke.nodes runs onCreate only")
def creation(folder):
    import nuke

    log = []
    user = lambda: log.append("user")  # noqa: E731
    create = lambda: log.append("create")  # noqa: E731
    nuke.addOnUserCreate(user, nodeClass="Invert")
    nuke.addOnCreate(create, nodeClass="Invert")
    try:
        nuke.createNode("Invert", inpanel=False)
        same(log, ["user", "create"], "createNode")
        del log[:]
        nuke.nodes.Invert()
        same(log, ["create"], "nuke.nodes")
        del log[:]
        paste(folder, "Invert {\n inputs 0\n}\n")
        same(log, ["create"], "nodePaste")
    finally:
        nuke.removeOnUserCreate(user, nodeClass="Invert")
        nuke.removeOnCreate(create, nodeClass="Invert")


@fact("knobChanged does not run while the panel is closed")
def knob_changed(folder):
    import nuke

    log = []
    changed = lambda: log.append(nuke.thisKnob().name())  # noqa: E731
    nuke.addKnobChanged(changed, nodeClass="Invert")
    try:
        node = nuke.nodes.Invert()
        node["clamp"].setValue(True)
        same(log, [], "knobs reported")
    finally:
        nuke.removeKnobChanged(changed, nodeClass="Invert")


def _write(folder):
    import nuke

    nuke.addFormat("16 8 0 0 16 8 1 relip_tiny")
    source = nuke.nodes.Constant(channels="rgba", format="relip_tiny")
    write = nuke.nodes.Write(inputs=[source], channels="rgba")
    write["file"].setValue(folder + "/out.####.exr")
    write["file_type"].setValue("exr")
    return write


@fact("render callbacks: before render, before frame, after frame, after render")
def render_order(folder):
    import nuke

    log = []
    calls = {}
    for kind in ("BeforeRender", "BeforeFrameRender", "AfterFrameRender", "AfterRender"):
        calls[kind] = (lambda name: lambda: log.append((name, nuke.frame())))(kind)
        getattr(nuke, "add" + kind)(calls[kind])
    try:
        nuke.execute(_write(folder), 1, 2, 1)
    finally:
        for kind in calls:
            getattr(nuke, "remove" + kind)(calls[kind])
    frames = ["BeforeFrameRender", "AfterFrameRender"] * 2
    same([n for n, _ in log], ["BeforeRender"] + frames + ["AfterRender"], "order")
    same([f for n, f in log if n == "BeforeFrameRender"], [1, 2], "frames seen")


@fact("an exception in beforeRender or beforeFrameRender ends the render with RuntimeError")
def aborted(folder):
    import nuke

    def refuse():
        raise ValueError("the cache is missing")

    for kind in ("BeforeRender", "BeforeFrameRender"):
        getattr(nuke, "add" + kind)(refuse)
        try:
            nuke.execute(_write(folder), 1, 1, 1)
        except RuntimeError as error:
            true("the cache is missing" in str(error), f"the message is {str(error)!r}")
        else:
            raise Failed(f"{kind}: it rendered all the same")
        finally:
            getattr(nuke, "remove" + kind)(refuse)


@fact("a filename filter changes what File knobs evaluate to")
def filename_filter(folder):
    import nuke

    swap = lambda name: name.replace("/there/", "/here/")  # noqa: E731
    node = nuke.nodes.Read()
    node["file"].setValue("/there/a.exr")
    nuke.addFilenameFilter(swap)
    try:
        same(nuke.filename(node, nuke.REPLACE), "/here/a.exr", "nuke.filename")
    finally:
        nuke.removeFilenameFilter(swap)


@fact("ProgressTask works without the interface and is not cancelled by itself")
def progress(folder):
    import nuke

    task = nuke.ProgressTask("Relip checks")
    task.setProgress(50)
    task.setMessage("half way")
    same(bool(task.isCancelled()), False, "isCancelled")


@fact("node['no such knob'] raises NameError; node.knob gives None")
def missing_knob(folder):
    import nuke

    node = nuke.nodes.NoOp()
    same(node.knob("no_such_knob"), None, "node.knob")
    try:
        node["no_such_knob"]
    except NameError:
        return
    raise Failed("no NameError")


@fact("deleting a node joins what was on both sides of it")
def joined(folder):
    import nuke

    first = nuke.nodes.Constant()
    middle = nuke.nodes.Invert(inputs=[first])
    last = nuke.nodes.Invert(inputs=[middle])
    nuke.delete(middle)
    same(last.input(0) and last.input(0).name(), first.name(), "input of the last node")


@fact("allNodes(recurseGroups=True) finds nodes in groups; toNode takes dotted paths")
def paths(folder):
    import nuke

    with nuke.nodes.Group(name="Outer"):
        nuke.nodes.NoOp(name="Inner")
    same(nuke.toNode("Outer.Inner").fullName(), "Outer.Inner", "fullName")
    names = [n.name() for n in nuke.allNodes(recurseGroups=True)]
    true("Inner" in names, f"allNodes(recurseGroups=True) gave {names}")
    true("Inner" not in [n.name() for n in nuke.allNodes()], "allNodes() went into the group")
