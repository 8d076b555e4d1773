"""Callbacks, panels, threads, progress, messages and menus."""

from __future__ import annotations

import gc
import threading

import pytest


def test_callbacks_of_making_in_nukes_order(nuke_host):
    import nuke

    log = []
    nuke.addOnCreate(lambda: log.append(("create", nuke.thisNode().Class())), nodeClass="Blur")
    nuke.addOnCreate(lambda name: log.append((name, nuke.thisNode().Class())), ("any",))
    nuke.addOnUserCreate(lambda: log.append(("user", nuke.thisNode().Class())))
    nuke.createNode("Blur")
    assert log == [("user", "Blur"), ("any", "Blur"), ("create", "Blur")]
    log.clear()
    nuke.nodes.Blur()
    assert log == [("any", "Blur"), ("create", "Blur")]


def test_loading_calls_on_create_inside_out_then_script_load(nuke_host, tmp_path):
    import nuke

    path = tmp_path / "a.nk"
    path.write_text("Group {\n inputs 0\n name G\n}\n NoOp {\n  name N\n }\nend_group\n")
    log = []
    nuke.addOnCreate(lambda: log.append(nuke.thisNode().fullName()))
    nuke.addOnScriptLoad(lambda: log.append("load"))
    nuke.scriptOpen(str(path))
    assert log == ["G.N", "G", "root", "load"]


def test_knob_changed_needs_an_open_panel(nuke_host):
    import nuke

    log = []
    nuke.addKnobChanged(lambda: log.append(nuke.thisKnob().name()), nodeClass="Blur")
    node = nuke.createNode("Blur", inpanel=False)
    node["size"].setValue(1)
    assert log == []
    node.showControlPanel()
    node["size"].setValue(2)
    node.setInput(0, nuke.nodes.Constant())
    node.hideControlPanel()
    node["size"].setValue(3)
    assert log == ["showPanel", "size", "inputChange", "hidePanel"]


def test_knob_changed_does_not_call_itself(nuke_host):
    import nuke

    log = []

    def changed():
        log.append(nuke.thisKnob().name())
        nuke.thisNode()["size"].setValue(9)

    nuke.addKnobChanged(changed, nodeClass="Blur")
    node = nuke.createNode("Blur")
    log.clear()
    node["quality"].setValue(3)
    assert log == ["quality"] and node["size"].value() == 9


def test_a_button_runs_with_its_node_and_knob(nuke_host):
    import nuke

    node = nuke.nodes.NoOp()
    script = "nuke.tprint(nuke.thisNode().name(), nuke.thisKnob().name())"
    node.addKnob(nuke.PyScript_Knob("go", "Go", script))
    nuke_host.press(node, "go")
    assert nuke_host.said == [("tprint", "NoOp1 go\n")]


def test_nodes_are_for_the_main_thread(nuke_host):
    import nuke
    from nuke_host import HostFault, faults

    node = nuke.nodes.NoOp()
    caught = []

    def work():
        for touch in (lambda: node.name(), lambda: node["label"], lambda: nuke.allNodes()):
            try:
                touch()
            except HostFault as exc:
                caught.append(str(exc))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(caught) == 3 and len(faults.recorded()) == 3
    faults.forget()


def test_a_child_thread_asks_the_main_loop(nuke_host):
    import nuke

    node = nuke.nodes.NoOp()
    got = []

    def work():
        got.append(nuke.executeInMainThreadWithResult(lambda extra: node.name() + extra, ("!",)))
        nuke.executeInMainThread(node.setName, ("Other",))

    thread = threading.Thread(target=work)
    thread.start()
    nuke_host.pump(until=lambda: not thread.is_alive())
    nuke_host.pump()
    assert got == ["NoOp1!"] and node.name() == "Other"


def test_an_error_in_the_main_loop_reaches_the_thread(nuke_host):
    import nuke

    got = []

    def work():
        try:
            nuke.executeInMainThreadWithResult(int, ("x",))
        except ValueError as exc:
            got.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    nuke_host.pump(until=lambda: not thread.is_alive())
    assert len(got) == 1


def test_the_main_thread_must_not_wait_for_itself(nuke_host, nuke_refuses):
    import nuke

    with nuke_refuses("hangs"):
        nuke.executeInMainThreadWithResult(len, ("a",))


def test_a_main_thread_that_waits_for_a_child_is_found_out(nuke_host):
    import nuke
    from nuke_host import HostFault, faults

    nuke_host.patience = 0.2
    got = []

    def work():
        try:
            nuke.executeInMainThreadWithResult(len, ("a",))
        except HostFault as exc:
            got.append(str(exc))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()  # nobody pumps
    assert len(got) == 1 and "deadlock" in got[0]
    faults.forget()


def test_progress_and_cancel(nuke_host, nuke_refuses):
    import nuke

    task = nuke.ProgressTask("Tracking")
    task.setProgress(50)
    task.setMessage("frame 12")
    assert not task.isCancelled()
    nuke_host.press_cancel()
    assert task.isCancelled()
    with pytest.raises(TypeError):
        task.setProgress(0.5)
    with nuke_refuses("0 to 100"):
        task.setProgress(101)
    record = nuke_host.progress[0]
    assert (record.name, record.values, record.messages) == ("Tracking", [50], ["frame 12"])
    assert record.open
    del task
    gc.collect()  # the errors above hold it in a ring
    assert not record.open


def test_a_terminal_has_no_gui(nuke_terminal, nuke_refuses):
    import nuke

    assert nuke.GUI is False and nuke.env["gui"] is False
    node = nuke.createNode("Blur")
    assert not node.shown()
    for use in (
        lambda: nuke.message("hello"),
        lambda: nuke.ask("sure?"),
        lambda: nuke.menu("Nuke"),
        lambda: node.showControlPanel(),
    ):
        with nuke_refuses():
            use()


def test_questions_need_an_answer_from_the_test(nuke_host, nuke_refuses):
    import nuke

    nuke_host.answers.append(True)
    assert nuke.ask("Go on?") is True and nuke_host.questions == [("ask", "Go on?")]
    with nuke_refuses("answer"):
        nuke.ask("Again?")


def test_menus(nuke_host, nuke_refuses):
    import nuke
    from nuke_host import menus

    menu = nuke.menu("Nodes").addMenu("Tools", icon="a.png")
    menu.addCommand("Sub/Make blur", "nuke.createNode('Blur')", shortcut="ctrl+b")
    nuke.menu("Nodes").findItem("Tools/Sub/Make blur").invoke()
    assert nuke.selectedNode().Class() == "Blur"
    assert list(menus.all_commands(nuke.menu("Nodes"))) == ["Tools/Sub/Make blur"]
    with nuke_refuses("no menu"):
        nuke.menu("NoSuch")
    with nuke_refuses("Broken"):
        menu.addCommand("Broken", "if")


def test_start_up_runs_init_then_menu(nuke_hosts, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "init.py").write_text(
        "import nuke\nnuke.tprint('init')\nnuke.pluginAddPath('tools')\nimport relip_host_probe\n"
    )
    (tmp_path / "menu.py").write_text("import nuke\nnuke.tprint('menu')\n")
    (tmp_path / "tools" / "init.py").write_text("import nuke\nnuke.tprint('tools')\n")
    (tmp_path / "tools" / "relip_host_probe.py").write_text("")
    host = nuke_hosts(gui=True)
    host.boot(tmp_path)
    assert [text for _, text in host.said] == ["init\n", "tools\n", "menu\n"]
    host = nuke_hosts(gui=False)
    host.boot(tmp_path)
    assert [text for _, text in host.said] == ["init\n", "tools\n"]
    import nuke

    assert nuke.pluginPath()[0].endswith("tools")


def test_labels(nuke_host):
    import nuke

    node = nuke.nodes.Blur(size=3)
    node["label"].setValue("size [value size]")
    assert nuke_host.autolabel(node) == "Blur1\nsize 3"
    nuke.addAutolabel(lambda: "mine", nodeClass="Blur")
    assert nuke_host.autolabel(node) == "mine"
