"""Every answer of the natural mathematics, computed."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import comb, factorial, gcd, lcm, log2, sqrt
from statistics import median, pstdev

import pytest

from analysis.neurons.instructions import natural_instructions

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DICE = [a + b for a in range(1, 7) for b in range(1, 7)]


def the_one(found: list[int]) -> int:
    """The only solution."""
    (value,) = found
    return value


# What the response must say, computed from what the instruction gives.
ANSWERS = {
    "math/01": f"{17 * 24}",
    "math/02": f"{45 * 0.8:g} euros",
    "math/03": f"x = {(22 - 7) / 3:g}",
    "math/04": f"{17 * 60 + 10 - (14 * 60 + 35)} minutes",
    "math/05": f"{12 * 5 / 2:g} cm²",
    "math/06": f"{260 * 0.15:g}",
    "math/07": f"the fourth number is {4 * 18 - 12 - 20 - 25}",
    "math/08": f"f'(2) = {12 * 2**2 - 2}",
    "math/09": f"{Fraction(2, 3) * 9} cups",
    "math/10": f"{factorial(5)} ways",
    "math/11": f"{Fraction(DICE.count(7), len(DICE))}",
    "math/12": f"{Decimal(5) * Decimal('1.609')}, which rounds to 8.05 km",
    "math/13": f"the greatest common divisor is {gcd(84, 126)}",
    "math/14": f"{Fraction(48, 180)}",
    "math/15": f"the bill is {12 + (275 - 200) * Decimal('0.08'):.0f} euros",
    "math/16": " and ".join(f"x = {x}" for x in range(-9, 10) if x * x - 5 * x + 6 == 0),
    "math/17": f"{sum(range(1, 101))}",
    "math/18": f"{the_one([w for w in range(33) if 2 * (w + 3 * w) == 64])} m wide and 24 m long",
    "math/19": f"{2 + 3 * (8 - 5) ** 2 / 9:g}",
    "math/20": f"{6 * 8 / 4:g} hours",
    "math/21": f"{Fraction('0.375')}",
    "math/22": f"{2000 * Decimal('1.03') ** 2:,.2f} dollars",
    "math/23": f"{median([71, 88, 64, 90, 75, 83, 79])}. Sorted",
    "math/24": f"= {sqrt(13**2 - 5**2):g}",
    "math/25": f"{Fraction(4 + 3, 4 + 3 + 5)}",
    "math/26": f"x = {(10 + 4) / 2:g} and y = {(10 - 4) / 2:g}",
    "math/27": f"{7 * 24 * 60 * 60:,} seconds",
    "math/28": f"{6 * 7}. The differences",
    "math/29": f"Max is {the_one([m for m in range(50) if 2 * m + 6 + m + 6 == 42])}",
    "math/30": f"π/{Fraction(180, 45)}",
    "math/31": f"{Fraction(7, 8) - Fraction(1, 3)}",
    "math/32": f"{20.8 / 312 * 100:.2f} litres per 100 km",
    "math/33": f"Yes, 1,001 / 7 = {1001 / 7:g}",
    "math/34": f"{comb(12, 2)}",
    "math/35": f"the integral is {2 * 2**3}",
    "math/36": f"{300 / 4 * 10:g} g",
    "math/37": f"2^10 = {2**10} is larger than {10**3} by {2**10 - 10**3}",
    "math/38": f"{3**2 * 10}π cm³",
    "math/39": f"{(Decimal('2.80') - Decimal('2.50')) / Decimal('2.50') * 100:.0f} %",
    "math/40": f"{156:b}",
    "math/41": f"{lcm(8, 12, 15)}",
    "math/42": f"{1 / (Fraction(1, 3) + Fraction(1, 6))} hours",
    "math/43": f"= {(11 - 3) / (6 - 2):g}",
    "math/44": f"{2**3 * 3**2 * 5} = 2³ · 3² · 5",
    "math/45": f"{log2(64):g}, because",
    "math/46": f"{28 // (4 + 3) * 3} girls",
    "math/47": f"the standard deviation is {pstdev([2, 4, 4, 4, 5, 5, 7, 9]):g}",
    "math/48": f"a {DAYS[(DAYS.index('Wednesday') + 100) % 7]}",
    "math/49": f"{the_one([n for n in range(96) if n + n + 1 + n + 2 == 96])}, 32 and 33",
    "math/50": f"{Decimal('86.40') * Decimal('1.1') / 4:.2f} euros each",
    "math/51": f"{comb(8, 3)}",
    "math/52": f"about {sqrt(50):.1f}",
    "math/53": f"x > −{(11 - 5) / 2:g}",
    "math/54": f"{20000 * Decimal('0.85') ** 2:,.0f} euros",
}


@pytest.mark.parametrize("found", natural_instructions().of("math"), ids=lambda each: each.id)
def test_the_response_says_what_is_computed(found):
    answer = re.escape(ANSWERS[found.id])
    # No digit before or after: 408 is not in 14081.
    assert re.search(rf"(?<![\d.,]){answer}(?![\d]|[.,]\d)", found.response), found.response
