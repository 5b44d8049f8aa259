"""Korean particles: which form follows a name depends on how the name's last character is spoken.

은/는, 이/가, 을/를 and 과/와 ask whether it ends in a consonant; 으로/로 too, but ㄹ counts as a vowel there. Names of
bridges and ports are Latin: their last letter is spoken by its Korean name (`n` 엔, `x` 엑스), digits in Sino-Korean
(1 일, 3 삼), and a word in -er, -or or -ar as the word that it is (`router` 라우터).
"""

PARTICLES = {
    "은": ("은", "는"),
    "이": ("이", "가"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "으로": ("으로", "로"),
    "이라": ("이라", "라"),
}
"""Particle -> its form after a consonant, and after a vowel."""

_RIEUL = frozenset("lr178")
_CONSONANT = frozenset("mn036") | _RIEUL
_HANGUL = range(0xAC00, 0xD7A4)
_FINALS = 28
_RIEUL_FINAL = 8


def with_particle(name: str, particle: str) -> str:
    """Give `name` with the right form of `particle` (a key of PARTICLES); both forms, `은(는)`, if unclear."""
    after_consonant, after_vowel = PARTICLES[particle]
    final = _final(name)
    if final is None:
        return f"{name}{after_consonant}({after_vowel})" if after_consonant != after_vowel else name + after_vowel
    if particle == "으로":
        return name + (after_consonant if final == "consonant" else after_vowel)
    return name + (after_vowel if final == "vowel" else after_consonant)


def _final(name: str) -> str | None:
    """Tell how a name ends when spoken: "vowel", "rieul" or "consonant"; None if its last character is not spoken."""
    spoken = name.rstrip(" )]}\"'.,:;-_…").lower()
    if not spoken:
        return None
    last = spoken[-1]
    if ord(last) in _HANGUL:
        final = (ord(last) - _HANGUL.start) % _FINALS
        return {0: "vowel", _RIEUL_FINAL: "rieul"}.get(final, "consonant")
    if spoken.endswith(("er", "or", "ar")):
        return "vowel"
    if spoken.endswith("ng"):
        return "consonant"
    if not (last.isascii() and last.isalnum()):
        return None
    if last in _RIEUL:
        return "rieul"
    return "consonant" if last in _CONSONANT else "vowel"
