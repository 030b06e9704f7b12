"""What is typed in tests: every kind of text that ways of typing are known to get wrong."""

import random

ASCII = "".join(map(chr, range(0x20, 0x7f)))

# Each a line. Repeated letters are there for the key repeat that must not be, and for it to be seen.
SCRIPTS = {
    "german": "äöüß ÄÖÜ ẞ Straße, süß – 10 € „so“",
    "french": "à l’été où çà et là, œuvre, ÉÀÇ «non»",
    "cyrillic": "Съешь ещё этих мягких французских булок, ЁЖ Ґґ Її",
    "greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, ΆΈΉ ΐ",
    "cjk": "日本語のテスト、中文测试。한국어 시험 ㄱㄴ 𠮷野家",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️ 🇩🇪 😀😀😀",
    "combining": "e\u0301 n\u0303 o\u0308 a\u0323\u0308 Z\u0351\u036b\u0343 क्षि",
    "rtl": "שָׁלוֹם עולם مرحبا بالعالم ١٢٣",
    "mathematical": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ∀x∈ℝ: ⌈x⌉ ≤ ∞",
    "repeats": "aaaaaaaaaa 1111111111 ßßßßßß ЖЖЖЖЖЖ AaAaAaAa !!!!!!",
    "mixed": "a€b漢c👍d\u0301é f Ж g~h`i^j´k",
}


def prose(count, seed=1, lines=True):
    """`count` characters of words, the same each time; with `lines` about 70 of them a line, the last one whole."""
    chosen = random.Random(seed)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    marks = ["", "", "", "", "", "", ",", ".", ";", "!", "?", ":"]
    text, column = "", 0
    while len(text) < count:
        word = "".join(chosen.choice(letters[:chosen.randint(6, 26)]) for _ in range(chosen.randint(1, 10)))
        if chosen.random() < 0.2:
            word = word.capitalize() if chosen.random() < 0.7 else str(chosen.randint(0, 99999))
        word += chosen.choice(marks)
        column += len(word) + 1
        if lines and column > 70:
            text, column = text + word + "\n", 0
        else:
            text += word + " "
    text = text[:count]
    return text[:-1] + ("\n" if lines else ".")


def lines():
    """Everything, for a program that takes several lines: pieces that are typed one after the other."""
    return [ASCII + "\n", *(line + "\n" for line in SCRIPTS.values())]


def one_line():
    """The same for a program that takes one line."""
    return [ASCII, *(" " + line for line in SCRIPTS.values())]
