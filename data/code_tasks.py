"""Small programming tasks with their tests.

Three times two tasks that ask for the same in other words and are solved by the same method
(`SAME_METHOD`); some are one call of a tool, a few need a library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A task, one solution, and tests: ``assert`` statements that call the function."""

    text: str
    code: str
    tests: tuple[str, ...]
    setup: str = ""


def _task(text: str, code: str, *tests: str, setup: str = "") -> Task:
    return Task(text, code.strip("\n"), tuple(f"assert {test}" for test in tests), setup)


#: Pairs of entry points whose functions do the same.
SAME_METHOD = [
    ("longest_plateau", "best_streak"),
    ("running_balance", "water_levels"),
    ("pair_up_sum", "two_weights"),
]

TASKS = [
    _task(
        "Write a function that finds the length of the longest run of equal neighbours in a list.",
        """
def longest_plateau(values):
    best = 0
    length = 0
    previous = None
    for value in values:
        length = length + 1 if value == previous else 1
        previous = value
        best = max(best, length)
    return best
""",
        "longest_plateau([1, 1, 2, 2, 2, 3]) == 3",
        "longest_plateau([4]) == 1",
        "longest_plateau([]) == 0",
        "longest_plateau([7, 7, 7, 7, 1, 7]) == 4",
    ),
    _task(
        "Write a function to say how long the longest run of equal neighbouring elements of a list is.",
        """
def best_streak(results):
    longest = 0
    streak = 0
    last = None
    for result in results:
        streak = streak + 1 if result == last else 1
        last = result
        longest = max(longest, streak)
    return longest
""",
        "best_streak(['W', 'W', 'L']) == 2",
        "best_streak(['L', 'D', 'W']) == 1",
        "best_streak(['D', 'D', 'D', 'W', 'W']) == 3",
        "best_streak([]) == 0",
    ),
    _task(
        "Write a function to list the balance of an account after each booking, given the opening balance and the bookings.",
        """
def running_balance(opening, bookings):
    balances = []
    balance = opening
    for booking in bookings:
        balance += booking
        balances.append(balance)
    return balances
""",
        "running_balance(100, [5, -20]) == [105, 85]",
        "running_balance(0, []) == []",
        "running_balance(-3, [3, 3, 3]) == [0, 3, 6]",
        "running_balance(10, [-10]) == [0]",
    ),
    _task(
        "A reservoir starts at a certain level. Each day the level changes by a known amount. Return the level at the end of every day.",
        """
def water_levels(start, changes):
    levels = []
    level = start
    for change in changes:
        level += change
        levels.append(level)
    return levels
""",
        "water_levels(12, [1, 1, -4]) == [13, 14, 10]",
        "water_levels(5, [0]) == [5]",
        "water_levels(7, []) == []",
        "water_levels(40, [-8, 2, 2, 2]) == [32, 34, 36, 38]",
    ),
    _task(
        "Write a function that tells whether two different positions of a list hold numbers that add up to a target.",
        """
def pair_up_sum(numbers, target):
    seen = set()
    for number in numbers:
        if target - number in seen:
            return True
        seen.add(number)
    return False
""",
        "pair_up_sum([1, 4, 9], 13) == True",
        "pair_up_sum([5], 10) == False",
        "pair_up_sum([5, 5], 10) == True",
        "pair_up_sum([2, 3, 8], 12) == False",
    ),
    _task(
        "Write a function to check whether numbers at two different places in a list sum to the target.",
        """
def two_weights(weights, load):
    earlier = set()
    for weight in weights:
        if load - weight in earlier:
            return True
        earlier.add(weight)
    return False
""",
        "two_weights([2, 7, 11], 9) == True",
        "two_weights([3, 6], 6) == False",
        "two_weights([], 4) == False",
        "two_weights([10, 20, 30, 40], 70) == True",
    ),
    _task(
        "Write a function to put the words of a list in alphabetical order.",
        """
def alphabetical(words):
    return sorted(words)
""",
        "alphabetical(['pear', 'fig']) == ['fig', 'pear']",
        "alphabetical([]) == []",
        "alphabetical(['b', 'a', 'c']) == ['a', 'b', 'c']",
    ),
    _task(
        "Write a function that returns the largest measurement of a series.",
        """
def highest(measurements):
    return max(measurements)
""",
        "highest([3, 9, 4]) == 9",
        "highest([-5, -2]) == -2",
        "highest([0]) == 0",
    ),
    _task(
        "Write a function that adds up all amounts on a receipt.",
        """
def receipt_total(amounts):
    return sum(amounts)
""",
        "receipt_total([2, 3, 5]) == 10",
        "receipt_total([]) == 0",
        "receipt_total([19, 1]) == 20",
    ),
    _task(
        "Write a function to find the greatest common divisor of two whole numbers.",
        """
import math

def common_divisor(a, b):
    return math.gcd(a, b)
""",
        "common_divisor(12, 18) == 6",
        "common_divisor(7, 9) == 1",
        "common_divisor(0, 4) == 4",
    ),
    _task(
        "Write a function that returns the prime factors of a number as a dictionary from prime to exponent.",
        """
from sympy import factorint

def prime_powers(n):
    return factorint(n)
""",
        "prime_powers(12) == {2: 2, 3: 1}",
        "prime_powers(97) == {97: 1}",
        "prime_powers(360) == {2: 3, 3: 2, 5: 1}",
    ),
    _task(
        "Write a function that sums the distinct prime divisors of a number.",
        """
from sympy import primefactors

def prime_divisor_sum(n):
    total = 0
    for prime in primefactors(n):
        total += prime
    return total
""",
        "prime_divisor_sum(12) == 5",
        "prime_divisor_sum(30) == 10",
        "prime_divisor_sum(49) == 7",
        "prime_divisor_sum(1) == 0",
    ),
    _task(
        "Write a function to find the k smallest values of a list, in rising order, each at least a given limit.",
        """
import heapq

def smallest_from(values, limit, k):
    allowed = [value for value in values if value >= limit]
    return heapq.nsmallest(k, allowed)
""",
        "smallest_from([5, 1, 9, 3], 2, 2) == [3, 5]",
        "smallest_from([4, 4, 2], 4, 5) == [4, 4]",
        "smallest_from([], 0, 3) == []",
        "smallest_from([8, 6, 7], 0, 1) == [6]",
    ),
    _task(
        "Ropes are tied together two at a time; tying costs the sum of both lengths. Find the least total cost of tying all ropes into one.",
        """
import heapq

def cheapest_tying(lengths):
    heap = list(lengths)
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        cost += joined
        heapq.heappush(heap, joined)
    return cost
""",
        "cheapest_tying([4, 3, 2, 6]) == 29",
        "cheapest_tying([5]) == 0",
        "cheapest_tying([1, 1]) == 2",
        "cheapest_tying([1, 2, 3]) == 9",
    ),
    _task(
        "Write a function that counts how often each letter occurs in a text, regardless of case, ignoring everything else.",
        """
def letter_counts(text):
    counts = {}
    for char in text.lower():
        if char.isalpha():
            counts[char] = counts.get(char, 0) + 1
    return counts
""",
        "letter_counts('Abba!') == {'a': 2, 'b': 2}",
        "letter_counts('') == {}",
        "letter_counts('12 c C') == {'c': 2}",
        "letter_counts('xyz') == {'x': 1, 'y': 1, 'z': 1}",
    ),
    _task(
        "Write a function to turn a list of rows into a list of columns.",
        """
def columns(rows):
    return [list(column) for column in zip(*rows)]
""",
        "columns([[1, 2], [3, 4]]) == [[1, 3], [2, 4]]",
        "columns([]) == []",
        "columns([[5, 6, 7]]) == [[5], [6], [7]]",
        "columns([['a'], ['b']]) == [['a', 'b']]",
    ),
    _task(
        "Write a function that checks whether the round and square brackets of a text are closed in the right order.",
        """
def brackets_close(text):
    closing = {')': '(', ']': '['}
    waiting = []
    for char in text:
        if char in '([':
            waiting.append(char)
        elif char in closing:
            if not waiting or waiting.pop() != closing[char]:
                return False
    return not waiting
""",
        "brackets_close('(a[b])') == True",
        "brackets_close('([)]') == False",
        "brackets_close('((') == False",
        "brackets_close('') == True",
    ),
    _task(
        "Write a function that squeezes a text into pairs of character and run length.",
        """
def run_lengths(text):
    runs = []
    for char in text:
        if runs and runs[-1][0] == char:
            runs[-1] = (char, runs[-1][1] + 1)
        else:
            runs.append((char, 1))
    return runs
""",
        "run_lengths('aab') == [('a', 2), ('b', 1)]",
        "run_lengths('') == []",
        "run_lengths('zzz') == [('z', 3)]",
        "run_lengths('aba') == [('a', 1), ('b', 1), ('a', 1)]",
    ),
    _task(
        "Write a function to add the digits of a number again and again until one digit is left.",
        """
def digit_root(n):
    while n > 9:
        n = sum(int(digit) for digit in str(n))
    return n
""",
        "digit_root(38) == 2",
        "digit_root(7) == 7",
        "digit_root(99999) == 9",
        "digit_root(0) == 0",
    ),
    _task(
        "Write a function that merges two lists which are already in rising order into one.",
        """
def merge_rising(left, right):
    merged = []
    i = 0
    j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]
""",
        "merge_rising([1, 4], [2, 3, 9]) == [1, 2, 3, 4, 9]",
        "merge_rising([], [5]) == [5]",
        "merge_rising([7, 8], []) == [7, 8]",
        "merge_rising([2, 2], [2]) == [2, 2, 2]",
    ),
    _task(
        "Write a function to find the position of a value in a sorted list by halving, or -1 where it is absent.",
        """
def find_by_halving(values, wanted):
    low, high = 0, len(values) - 1
    while low <= high:
        middle = (low + high) // 2
        if values[middle] == wanted:
            return middle
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return -1
""",
        "find_by_halving([2, 5, 8, 12], 8) == 2",
        "find_by_halving([2, 5, 8, 12], 3) == -1",
        "find_by_halving([], 1) == -1",
        "find_by_halving([4], 4) == 0",
    ),
    _task(
        "Write a function that gives the number of ways to climb a stair of n steps when one, two or three steps are taken at a time.",
        """
def climbing_ways(n):
    ways = [1, 1, 2]
    while len(ways) <= n:
        ways.append(ways[-1] + ways[-2] + ways[-3])
    return ways[n]
""",
        "climbing_ways(3) == 4",
        "climbing_ways(0) == 1",
        "climbing_ways(5) == 13",
        "climbing_ways(7) == 44",
    ),
    _task(
        "Write a function to find the least number of coins that make an amount, or -1 where none do.",
        """
def fewest_coins(coins, amount):
    best = [0] + [amount + 1] * amount
    for value in range(1, amount + 1):
        for coin in coins:
            if coin <= value:
                best[value] = min(best[value], best[value - coin] + 1)
    return best[amount] if best[amount] <= amount else -1
""",
        "fewest_coins([1, 5, 12], 15) == 3",
        "fewest_coins([4], 7) == -1",
        "fewest_coins([2, 3], 0) == 0",
        "fewest_coins([1, 7, 10], 14) == 2",
    ),
    _task(
        "Write a function that reverses the order of the words in a sentence.",
        """
def reverse_words(sentence):
    return ' '.join(reversed(sentence.split()))
""",
        "reverse_words('we go home') == 'home go we'",
        "reverse_words('') == ''",
        "reverse_words('one') == 'one'",
        "reverse_words('a  b') == 'b a'",
    ),
    _task(
        "Write a function to group words that consist of the same letters. Groups and their words are in order of first appearance.",
        """
def group_anagrams(words):
    groups = {}
    for word in words:
        key = ''.join(sorted(word))
        groups.setdefault(key, []).append(word)
    return list(groups.values())
""",
        "group_anagrams(['tea', 'ox', 'eat']) == [['tea', 'eat'], ['ox']]",
        "group_anagrams([]) == []",
        "group_anagrams(['a', 'b', 'a']) == [['a', 'a'], ['b']]",
        "group_anagrams(['stop', 'pots', 'spot']) == [['stop', 'pots', 'spot']]",
    ),
    _task(
        "Write a function that returns the second largest different value of a list, or None where there is none.",
        """
def runner_up(values):
    distinct = sorted(set(values))
    return distinct[-2] if len(distinct) > 1 else None
""",
        "runner_up([4, 9, 9, 7]) == 7",
        "runner_up([3, 3]) is None",
        "runner_up([1, 2]) == 1",
        "runner_up([-1, -5, -3]) == -3",
    ),
    _task(
        "Write a function that converts a Roman numeral to a number.",
        """
def roman_value(numeral):
    worth = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
    total = 0
    for index, sign in enumerate(numeral):
        value = worth[sign]
        if index + 1 < len(numeral) and worth[numeral[index + 1]] > value:
            total -= value
        else:
            total += value
    return total
""",
        "roman_value('XIV') == 14",
        "roman_value('MCMXC') == 1990",
        "roman_value('III') == 3",
        "roman_value('CDXLIV') == 444",
    ),
    _task(
        "Write a function to write a non-negative number in another base from 2 to 10, as text.",
        """
def in_base(number, base):
    digits = ''
    while number > 0:
        digits = str(number % base) + digits
        number //= base
    return digits or '0'
""",
        "in_base(10, 2) == '1010'",
        "in_base(0, 7) == '0'",
        "in_base(255, 8) == '377'",
        "in_base(63, 10) == '63'",
    ),
    _task(
        "Write a function that moves all zeros of a list to its end and keeps the order of the rest.",
        """
def zeros_last(values):
    kept = [value for value in values if value != 0]
    return kept + [0] * (len(values) - len(kept))
""",
        "zeros_last([0, 3, 0, 1]) == [3, 1, 0, 0]",
        "zeros_last([]) == []",
        "zeros_last([0, 0]) == [0, 0]",
        "zeros_last([5, 6]) == [5, 6]",
    ),
    _task(
        "Write a function to compute the median of a list of numbers.",
        """
def median(numbers):
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
""",
        "median([3, 1, 2]) == 2",
        "median([4, 1, 3, 2]) == 2.5",
        "median([7]) == 7",
        "median([10, 20]) == 15",
    ),
    _task(
        "Write a function that returns the largest sum of neighbouring elements of a list that is not empty.",
        """
def richest_stretch(values):
    best = values[0]
    current = values[0]
    for value in values[1:]:
        current = max(value, current + value)
        best = max(best, current)
    return best
""",
        "richest_stretch([-2, 3, 4, -1]) == 7",
        "richest_stretch([-5, -1, -8]) == -1",
        "richest_stretch([6]) == 6",
        "richest_stretch([2, -1, 2, -1, 2]) == 4",
    ),
    _task(
        "Write a function to find the distinct elements that two lists share, in rising order.",
        """
def shared_elements(first, second):
    return sorted(set(first) & set(second))
""",
        "shared_elements([3, 1, 2], [2, 3, 5]) == [2, 3]",
        "shared_elements([], [1]) == []",
        "shared_elements([4, 4], [4]) == [4]",
        "shared_elements([9, 8], [7]) == []",
    ),
    _task(
        "Write a function that cuts a list into pieces of a given length; the last piece may be shorter.",
        """
def pieces(values, length):
    return [values[start:start + length] for start in range(0, len(values), length)]
""",
        "pieces([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]",
        "pieces([], 3) == []",
        "pieces([7, 8, 9], 3) == [[7, 8, 9]]",
        "pieces([1, 2], 1) == [[1], [2]]",
    ),
    _task(
        "Write a function to flatten a list that may hold lists to any depth.",
        """
def flatten(nested):
    flat = []
    for item in nested:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat
""",
        "flatten([1, [2, [3]], 4]) == [1, 2, 3, 4]",
        "flatten([]) == []",
        "flatten([[[]]]) == []",
        "flatten([[5], 6]) == [5, 6]",
    ),
    _task(
        "Write a function that counts the islands in a grid of 0 and 1, where cells touch along edges.",
        """
def count_islands(grid):
    land = {(r, c) for r, row in enumerate(grid) for c, cell in enumerate(row) if cell == 1}
    islands = 0
    while land:
        islands += 1
        stack = [land.pop()]
        while stack:
            r, c = stack.pop()
            for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if cell in land:
                    land.remove(cell)
                    stack.append(cell)
    return islands
""",
        "count_islands([[1, 1], [0, 1]]) == 1",
        "count_islands([[1, 0], [0, 1]]) == 2",
        "count_islands([]) == 0",
        "count_islands([[0, 0], [0, 0]]) == 0",
    ),
    _task(
        "Write a function to find the day on which a share should have been bought and sold later for the greatest gain; return the gain, 0 if none.",
        """
def greatest_gain(prices):
    gain = 0
    lowest = None
    for price in prices:
        if lowest is None or price < lowest:
            lowest = price
        gain = max(gain, price - lowest)
    return gain
""",
        "greatest_gain([7, 2, 5, 9]) == 7",
        "greatest_gain([5, 4, 3]) == 0",
        "greatest_gain([]) == 0",
        "greatest_gain([1, 6, 2, 8]) == 7",
    ),
    _task(
        "Write a function that swaps keys and values of a dictionary; where values repeat, keys are gathered in a list in order.",
        """
def invert(mapping):
    inverted = {}
    for key, value in mapping.items():
        inverted.setdefault(value, []).append(key)
    return inverted
""",
        "invert({'a': 1, 'b': 2}) == {1: ['a'], 2: ['b']}",
        "invert({}) == {}",
        "invert({'x': 0, 'y': 0}) == {0: ['x', 'y']}",
        "invert({1: 'q'}) == {'q': [1]}",
    ),
    _task(
        "Write a function that shifts each small letter of a text by a number of places in the alphabet, around the end, and leaves other characters alone.",
        """
def shift_letters(text, places):
    shifted = ''
    for char in text:
        if 'a' <= char <= 'z':
            char = chr((ord(char) - ord('a') + places) % 26 + ord('a'))
        shifted += char
    return shifted
""",
        "shift_letters('abc', 1) == 'bcd'",
        "shift_letters('xyz', 3) == 'abc'",
        "shift_letters('Hi!', 2) == 'Hk!'",
        "shift_letters('', 9) == ''",
    ),
    _task(
        "Write a function to list all primes below a limit.",
        """
def primes_below(limit):
    composite = set()
    primes = []
    for number in range(2, limit):
        if number not in composite:
            primes.append(number)
            composite.update(range(number * number, limit, number))
    return primes
""",
        "primes_below(10) == [2, 3, 5, 7]",
        "primes_below(2) == []",
        "primes_below(3) == [2]",
        "primes_below(20) == [2, 3, 5, 7, 11, 13, 17, 19]",
    ),
    _task(
        "Write a function that tells how many steps the rule 'halve if even, else triple and add one' takes from a number to 1.",
        """
def steps_to_one(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
""",
        "steps_to_one(6) == 8",
        "steps_to_one(1) == 0",
        "steps_to_one(16) == 4",
        "steps_to_one(7) == 16",
    ),
]  # fmt: skip

#: Solutions that fail at least one of their tests.
WRONG_TASKS = [
    _task(
        "Write a function that returns the average of a list, and 0 for an empty one.",
        """
def average_or_zero(values):
    total = 0
    for value in values:
        total += value
    return total // max(len(values), 2)
""",
        "average_or_zero([3]) == 3",
        "average_or_zero([8]) == 8",
        "average_or_zero([5]) == 5",
        "average_or_zero([1, 2]) == 1.5",
    ),
    _task(
        "Write a function to tell whether a year is a leap year.",
        """
def is_leap(year):
    return year % 4 != 0
""",
        "is_leap(2024) == True",
        "is_leap(2023) == False",
        "is_leap(2000) == True",
        "is_leap(2025) == False",
    ),
    _task(
        "Write a function that doubles every second element of a list, beginning with the first.",
        """
def double_every_second(values):
    return [value * 2 if index % 2 else value for index, value in enumerate(vales)]
""",
        "double_every_second([1, 2, 3]) == [2, 2, 6]",
        "double_every_second([4]) == [8]",
        "double_every_second([5, 5]) == [10, 5]",
    ),
]  # fmt: skip
