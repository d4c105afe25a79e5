"""CPU of texts in microseconds: segmentation by alphabet and parts, and what explains it.

The best of several repetitions counts: what disturbs one makes it slower, never faster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import thread_time
from timeit import repeat

from playing import Report, parser

from smppgw.sms import gsm7
from smppgw.sms.explain import sentence
from smppgw.sms.segment import Style, segment
from smppgw.sms.transliterate import transliterate

GSM = ("Votre colis est en route, il arrive demain entre 8h et 10h. " * 8)[:459]
RUSSIAN = ("Ваша посылка в пути, она прибудет завтра. " * 8)[:201]
FRENCH = (
    "Votre colis est reçu, rendez-vous à l\u2019hôtel Saint-Éloi, garçon d\u2019accueil prévenu."
)

WORK: dict[str, Callable[[], object]] = {
    "GSM 7-bit, 160 characters, 1 part": lambda: segment(GSM[:160]),
    "GSM 7-bit, 159 characters with €, 1 part": lambda: segment(GSM[:158] + "€"),
    "GSM 7-bit, 459 characters, 3 parts": lambda: segment(GSM),
    "GSM 7-bit, 459 characters, 3 parts, sar": lambda: segment(GSM, style=Style.SAR),
    "UCS-2, 70 characters, 1 part": lambda: segment(RUSSIAN[:70]),
    "UCS-2, 201 characters, 3 parts": lambda: segment(RUSSIAN),
    "national table, 80 characters, 1 part": lambda: segment("garçons " * 10, languages=(3,)),
    "septets of 160 characters": lambda: gsm7.septets(GSM[:160]),
    "transliteration, nothing to do": lambda: transliterate(GSM[:160]),
    "transliteration, 5 characters": lambda: transliterate(FRENCH),
    "culprits and their sentence": lambda: sentence(segment(FRENCH).culprits),
}


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20_000, help="texts of a repetition (20000)")
    options.add_argument("--repeat", type=int, default=5, help="repetitions (5)")
    arguments = options.parse_args()
    report = Report(arguments.json)
    report.say(f"{'':42}{'us':>8}")
    for name, work in WORK.items():
        times = repeat(work, timer=thread_time, number=arguments.count, repeat=arguments.repeat)
        report.figures[name] = round(1e6 * min(times) / arguments.count, 2)
        report.say(f"{name:42}{report.figures[name]:8.2f}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
