r"""Scripts in the manner of real ones, made from a seed: what the reader and Tcl must agree on.

The forms are those seen in scripts of Nuke 4 to 16, in gizmos and in clips from the clipboard:
groups in groups, clones, pushed variables, layers added between nodes, window layouts, Roto and
Tracker text, Python and Tcl in values, user knobs of all kinds, any line end.
"""

from __future__ import annotations

from random import Random

VALUES = (
    "5", "-0.25", "1e-05", "true", "rgba.red", "0x7f7f7fff", '""', "{}", "{{}}", "sRGB",
    '"two words"', "{0.1 0.2 0.3 1}", '"2048 1556 0 0 2048 1556 1 2K_Super_35(full-ap)"',
    "{{curve x1001 0 x1004 0.7 s0 t1.5}}", "{{curve L x1 1 2 3} {curve K x1 0}}",
    '{{"\\[exists parent.input1] ? 0 : 1"}}', "{{parent.amount} {parent.amount i}}",
    "{{curve(((frame-1)%(15-1+1))+1) K x1 0 S 400 x4 0}}", "{{which*2 x1 5}}",
    '"\\[value size]\\n\\"q\\" \\{b\\} \\$gui"', "\\[value\\ size]", "$gui", "${gui}",
    '"\\[if \\{\\[value a]==false\\} \\{return \\"R\\"\\} \\{return \\"\\\\nE\\"\\}]"',
    '"if {[value root.proxy]} { 960 540 } else { 4312 2304 }"',
    "C:/a/b.%04d.exr", "C:\\\\a\\\\b", '"C:\\\\a b\\\\"', "/a/b/c.####.exr", "//server/x_%V.exr",
    "{ {} }",
    '{{-1} "-1\\t(none)\\t-1" "1000\\tNew Track Layer\\t1000"}', "{{ Arial : Regular : 0 }}",
    "微软雅黑", '"底部 光 é"', "\\u5149\\x41\\101", "{76 117 109\n    }", "{rgba.red -rgba.green}",
    '"a;b #c"', "#ff00ff", "a#b", "a;b", "<b>x</b>", "'it''s'", "^x$", "*", "!", "~/x", "%", "=5",
    '"3 rgba.red 0 0 rgba.red 0 0 rgba.green 0 1 rgba.green 0 1"',
    "{\n   {0}\n   B\n  }", "{main\nleft\n right}",
    "{\nif 'x' not in locals():\n    d = {\"a\": \"{} ({})\".format(1, 2)}\n"
    "    t = '\\n'.join([\"a[0]\", \"$b\"])\n}",
    '"\\nn = nuke.thisNode()\\nfor k in n.knobs():\\n\\tprint(\\"%s\\" % k, \\{1: \\[2]\\})\\n"',
    "{{{v x3f99999a}\n  {f 0}\n  {n\n   {layer Root\n    {f 512}\n    {t x44fa0000 x44bb8000}\n"
    "    {a}\n"
    "    {curvegroup Bezier1 512 bezier\n     {{cc\n       {f 8192}\n       {p\n        {}\n"
    "        {{=c.p.x x440b7999}\n\t {\"=c.n\\ <\\ 4\\ ?\\ c.q.x\\ :\\ c.r.x\" x4409c667}}\n"
    "        {}}}}\n     {t x44ed8000}\n     {a g\n   {=c.g 0}     b 1}}}}}}",
    "{ { 1 31 1 }\n{ { 5 1 20 enable e 1 }\n}\n"
    "{ { {curve K x1 1} \"track 1\" {curve x1 5 6} {} } }\n}",
    "{selectAll {\n  { selectAll str 1 ssx 1 }\n  { clone src 1 str 1 }\n} }",
    "{Blacks \"sat 0 msat 1\" Whites \\} {a}}", "a\\{b", "a\\}b",
    '"ends in a backslash \\\\"', '"continued \\\n  line"', "{continued \\\n  line}", "a{b}c",
    'a"b"c', "{a \\{ b}", "{a \\} b}", "{a \\\\}", "-", "--", "{ a }", "{a\tb}",
    '"\\t"', '"a\\\tb"', "\\;", "\\ ",
)  # fmt: skip
USER_KNOBS = (
    "{20 User}", '{20 "" l User}', "{7 amount l \"how much\" t \"a\\nb \\\"c\\\"\" R 0 10}",
    '{26 ""}', '{26 text l "" +STARTLINE T "<b>x</b> \\[value name]"}', "{41 size T Blur1.size}",
    '{4 mode l Mode M {soft "very hard" "" ""}}', "{6 on l On -STARTLINE +HIDDEN}",
    "{18 c l Colour}",
    '{22 go l "Go!" T "# no\\nimport nuke\\ntry:\\n  f(\\"%s\\" % e, a\\[0], \\{\\})\\n"'
    " +STARTLINE}",
    "{20 g l Group n 1}", "{20 \"\" l endGroup n -1}", "{68 pulldown M {\"a/b\\tcmd\" {c d}}}",
    "{ 3   int_knob\n l  \"x\"  }", "{1 名字 l \"knob(控制)\" t 控制}", "{2 path l {a file}}",
    "{13 xyz}",
)  # fmt: skip
CLASSES = (
    "Blur", "Merge2", "Grade", "Dot", "Read", "Write", "Roto", "RotoPaint", "Tracker4", "Viewer",
    "NoOp", "Precomp", "BackdropNode", "StickyNote", "Camera3",
    "OFXuk.co.thefoundry.keylight.keylight_v201",
    "OFXcom.genarts.sapphire.blur_v1", "2DFlare", "\"My Flare_v2\"", "光", "RelipBlend_v1_0",
    "Shuffle2", "LiveInput", "Multi-Glow", "s_edge~2",
)  # fmt: skip
HEADERS = (
    "#! /usr/local/Nuke13.2v8/Nuke13.2 -nx\n",
    "#! C:/Program Files/Nuke8.0v5/nuke-8.0.v5.dll -nx\n",
    '#write_info Write1 file:"/a b/c.%04d.exr" format:"1920 1080 1" chans:":rgba.red:"\n',
    "#\n# a licence { with [odd] \"signs\n\n", "# goes on \\\nto the next line {\n",
)  # fmt: skip
VERSIONS = ("", "version 13.2 v8\n", "version 6.3000\n", "version 5.1 v3\n", "version 16.0 v4\n")
LAYOUT = (
    'define_window_layout_xml {<?xml version="1.0" encoding="UTF-8"?>\n<layout version="1.0">\n'
    '    <window x="0" y="0" w="1920" screen="0">\n    </window>\n</layout>\n}\n'
)
OLD_LAYOUT = (
    "define_window_layout -1 {  {4 0 0.1 0 0.7 1 0 1 {-3 -2 1 0.3 0}}  {2 0 0 1 {0}} }\n"
    "restore_window_layout_from_script -1\n"
)
ROOT = (
    'Root {\n inputs 0\n name /a/b.nk\n format "1920 1080 0 0 1920 1080 1 HD_1080"\n'
    ' proxySetting "if {[value root.proxy]} { 960 540 } else { 1920 1080 }"\n'
    ' views "{main \\#ffffff}\\n{left #f00}"\n lut {linear {}\n  sRGB {{x<0?1:2}}\n  }\n'
    ' addUserKnob {20 ocio l "OCIO {x}"}\n}\n'
)


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.variables: list[str] = []
        self.clones: list[str] = []
        self.count = 0

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def body(self, indent: str, inputs: str | None) -> str:
        random, lines = self.random, []
        for _ in range(random.choice((0, 1, 2, 3, 6))):
            if self.often(0.3):
                lines.append(f"{indent}addUserKnob {random.choice(USER_KNOBS)}\n")
            else:
                knob = random.choice(("size", "label", "file", "name", "a.b", "xpos", '"odd knob"'))
                gap = random.choice((" ", " ", "  ", "\t"))
                lines.append(f"{indent}{knob}{gap}{random.choice(VALUES)}\n")
        if inputs is not None:
            lines.insert(random.choice((0, 0, len(lines))), f"{indent}inputs {inputs}\n")
        return "".join(lines)

    def inputs(self) -> str | None:
        return self.random.choice((None, None, None, "0", "1", "2", "3", "1+1", "2+1", "0+1"))

    def push(self, indent: str) -> str:
        choices = ["push 0", *(f"push ${name}" for name in self.variables[-4:])]
        return f"{indent}{self.random.choice(choices)}{self.random.choice(('', '', ' ', ';'))}\n"

    def level(self, depth: int, size: int) -> str:
        random, parts = self.random, []
        indent = random.choice(("", " " * depth, " " * depth, "\t" * depth))
        for _ in range(random.randrange(size + 1)):
            if self.often(0.25):
                parts.append(self.push(indent))
            if self.often(0.04):
                parts.append(f"{indent}add_layer {{mask{self.count} mask{self.count}.red}}\n")
            if self.often(0.04):
                parts.append(random.choice(("\n", "# a comment {\n", ";\n", "  \t\n")))
            self.count += 1
            inside = indent + random.choice((" ", "  ", ""))
            body, end = self.body(inside, self.inputs()), random.choice(("", "", " ", "\t"))
            if self.clones and self.often(0.1):
                parts.append(
                    f"{indent}clone ${random.choice(self.clones)} {{\n{body}{indent}}}{end}\n"
                )
                stacked = True
            elif depth < 4 and self.often(0.15):
                cls = random.choice(("Group", "Group", "LiveGroup", "VariableGroup"))
                parts.append(f"{indent}{cls} {{\n{body}{indent}}}{end}\n")
                outside, self.variables = self.variables, []
                parts.append(self.level(depth + 1, size - 1))
                self.variables = outside  # a node is connected in its own group only
                parts.append(f"{indent}end_group{end}\n")
                stacked = False
            else:
                parts.append(f"{indent}{random.choice(CLASSES)} {{\n{body}{indent}}}{end}\n")
                stacked = True
            if stacked and self.often(0.12):
                self.clones.append(f"C{self.count:x}")
                parts.append(f"{indent}set {self.clones[-1]} [stack 0]\n")
            if self.often(0.25):
                self.variables.append(f"N{self.count:x}")
                deep = random.choice(("0", "0", "0", "1", "7"))
                parts.append(
                    f"{random.choice(('', indent))}set {self.variables[-1]} [stack {deep}]\n"
                )
        return "".join(parts)

    def script(self) -> str:
        random = self.random
        if self.often(0.15):
            text = f"Gizmo {{\n{self.body(' ', self.inputs())}}}\n{self.level(1, 6)}end_group\n"
            head = random.choice(HEADERS) + random.choice(VERSIONS)
        elif self.often(0.3):
            self.variables.append("cut_paste_input")
            head = "set cut_paste_input [stack 0]\n" + random.choice(VERSIONS)
            text = "push $cut_paste_input\n" + self.level(0, 8)
        else:
            head = "".join(random.sample(HEADERS, random.randrange(3))) + random.choice(VERSIONS)
            layout = random.choice(("", "", LAYOUT, LAYOUT, OLD_LAYOUT))
            text = layout + random.choice(("", ROOT)) + self.level(0, 10)
        text = head + text
        if self.often(0.1):
            text = text.rstrip("\n")
        return text.replace("\n", random.choice(("\n", "\n", "\n", "\r\n", "\r")))


def made(seed: int) -> str:
    """A script: always the same for the same seed."""
    return _Maker(Random(seed)).script()
