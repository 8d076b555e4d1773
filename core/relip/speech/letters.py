"""How a word that no dictionary knows is probably said: English letter-to-sound rules.

The longest rule that matches at the current letter wins; a rule is
``left|letters|right: phones`` where the contexts are regular expressions on
what stands before and after. Good enough to place lips (names, brands), not
to speak.
"""

from __future__ import annotations

import re

#: What must stand before, the letters, what must stand after, the phones.
_Rule = tuple["re.Pattern[str] | None", str, "re.Pattern[str] | None", list[str]]

_RULES = """
|tion|: SH AH N
|sion|: ZH AH N
|ssion|: SH AH N
|tious|: SH AH S
|cious|: SH AH S
|ture|$: CH ER
|ough|t: AO
|ough|: OW
|augh|t: AO
|eigh|: EY
|igh|: AY
|tch|: CH
|sch|: SH
|dge|: JH
|oing|$: OW IH NG
|ing|$: IH NG
|ight|: AY T
^|kn|: N
^|wr|: R
^|ps|: S
^|gn|: N
^|x|: Z
|ch|r: K
|ch|: CH
|ck|: K
|sh|: SH
|th|: TH
|ph|: F
^|rh|: R
|wh|o: HH
|wh|: W
^|gh|: G
|gh|: 
|ng|$: NG
|ng|[aeiou]: NG G
|nk|: NG K
|qu|: K W
|q|: K
|sc|[eiy]: S
|cc|[eiy]: K S
|zz|: Z
|ss|: S
|bb|: B
|cc|: K
|dd|: D
|ff|: F
|gg|: G
|ll|: L
|mm|: M
|nn|: N
|pp|: P
|rr|: R
|tt|: T
|mb|$: M
|c|[eiy]: S
|c|: K
|g|[eiy]: JH
|g|: G
|j|: JH
|b|: B
|d|: D
|f|: F
|h|[aeiouy]: HH
|h|: 
|k|: K
|l|: L
|m|: M
|n|: N
|p|: P
|r|: R
[aeiou]|s|[aeiou]: Z
[aeioubdglmnrvy]|s|$: Z
|s|: S
|t|: T
|v|: V
|w|: W
|x|: K S
^|y|[aeiou]: Y
[^aeiou]|y|$: IY
|y|: IH
|z|: Z
|eau|: OW
|oor|: AO R
|our|: AO R
|air|: EH R
|are|$: EH R
|ear|: IH R
|eer|: IH R
|ire|$: AY ER
|ore|$: AO R
|ure|$: UH R
|ar|(?![aeiou]): AA R
|or|(?![aeiou]): AO R
|er|(?![aeiou]): ER
|ir|(?![aeiou]): ER
|ur|(?![aeiou]): ER
|ai|: EY
|ay|: EY
|au|: AO
|aw|: AO
|ea|: IY
|ee|: IY
|ei|: EY
|ey|$: IY
|ey|: EY
|eu|: UW
|ew|: UW
|ie|$: IY
|ie|: IY
|ia|: IY AH
|io|: IY OW
|oa|: OW
|oe|: OW
|oi|: OY
|oy|: OY
|oo|: UW
|ou|: AW
|ow|$: OW
|ow|: AW
|ue|$: UW
|ui|: UW
|ua|: W AA
|a|[^aeiouywx]e$: EY
|a|$: AH
|a|: AE
|e|[^aeiouywx]e$: IY
^[^aeiouy]*|e|$: IY
|e|$: 
[xszh]|es|$: AH Z
|es|$: Z
|ed|$: D
[td]|ed|$: AH D
|e|: EH
|i|[^aeiouywx]e$: AY
|i|$: IY
|i|: IH
|o|[^aeiouywx]e$: OW
|o|$: OW
|o|: AA
|u|[^aeiouywx]e$: UW
|u|: AH
|'|: 
"""
_NAMES = {"a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY",
          "h": "EY CH", "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M",
          "n": "EH N", "o": "OW", "p": "P IY", "q": "K Y UW", "r": "AA R", "s": "EH S",
          "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S",
          "y": "W AY", "z": "Z IY"}  # fmt: skip


def _compile() -> dict[str, list[_Rule]]:
    table: dict[str, list[_Rule]] = {}
    for line in _RULES.strip().splitlines():
        pattern, _, phones = line.partition(":")
        left, letters, right = pattern.split("|")
        rule = (
            re.compile(f"(?:{left})$") if left else None,
            letters,
            re.compile(right) if right else None,
            phones.split(),
        )
        table.setdefault(letters[0], []).append(rule)
    for rules in table.values():
        # Longest letters first; of equal ones those with a context first.
        rules.sort(key=lambda r: (-len(r[1]), -((r[0] is not None) + (r[2] is not None))))
    return table


_TABLE = _compile()


def pronounce(word: str) -> list[str]:
    """A likely pronunciation.

    Parameters
    ----------
    word : str
        Lower-case letters a-z and apostrophes. Words without a vowel letter
        are spelled.

    Returns
    -------
    list of str
        ARPAbet phones without stress, at least one.
    """
    if not re.search("[aeiouy]", word) or len(word) == 1:
        return " ".join(_NAMES.get(c, "") for c in word).split() or ["AH"]
    phones: list[str] = []
    at = 0
    while at < len(word):
        for left, letters, right, sounds in _TABLE.get(word[at], []):
            if (
                word.startswith(letters, at)
                and (left is None or left.search(word[:at]))
                and (right is None or right.match(word[at + len(letters) :]))
            ):
                phones += sounds
                at += len(letters)
                break
        else:
            at += 1
    return phones or ["AH"]
