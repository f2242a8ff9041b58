"""Science and engineering problems with units: plain calculations, and small programs."""

from __future__ import annotations

import contextlib
import io
import random
import re
from dataclasses import dataclass

from tracemine.data.stories import Story, Told, draw_givens, fill, tell


@dataclass(frozen=True)
class Program:
    """A problem that is answered by running a program, whose only output is the result."""

    kind: str
    givens: str
    question: str
    lead: str
    code: str
    unit: str


def stem_problems() -> list[Told]:
    """Every story and program below with its numbers."""
    plain = [tell(story, f"{story.kind} {index}", _plain) for index, story in enumerate(STORIES)]
    run = [_run(program, f"{program.kind} {index}") for index, program in enumerate(PROGRAMS)]
    return plain + run


def _plain(expression: str, value: str, _money: bool) -> str:
    spaced = re.sub(r"\s*(\*\*|[*/+-])\s*", r" \1 ", expression)
    return f"{spaced} = {value}"


def _run(program: Program, name: str) -> Told:
    values = draw_givens(program.givens, random.Random(f"tracemine sample: {name}"))
    code = fill(program.code, values)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), {})
    result = printed.getvalue().strip()
    trace = f"{program.lead}\n```python\n{code}\n```\n```output\n{result}\n```\nThe result is {result} {program.unit}."
    return Told(fill(program.question, values), trace, result, result)


def _kind(kind: str, *stories: tuple[str, str, str]) -> list[Story]:
    return [Story(kind, *story) for story in stories]


STORIES = [
    *_kind(
        "kinetic energy",
        (
            "m=900,1200,1500; v=10,20,30",
            "A car of {m} kg travels at {v} m/s. What is its kinetic energy in joules?",
            "Kinetic energy is half the mass times the square of the speed.\n[r: 0.5*m*v**2] J.",
        ),
        (
            "m=60,70,80; v=6,8,9",
            "Calculate the kinetic energy, in joules, of a sprinter with a mass of {m} kg who runs at {v} m/s.",
            "Half of mass times speed squared gives the energy: [r: 0.5*m*v**2] J.",
        ),
        (
            "m=0.2,0.4,0.5; v=12,14,25",
            "A ball with mass {m} kg is thrown at a speed of {v} m/s. How much kinetic energy does it have in joules?",
            "We use one half m v squared. That is [r: 0.5*m*v**2] J.",
        ),
        (
            "m=4000,5200,8000; v=5,7,11",
            "How many joules of kinetic energy has a ferry of {m} kg that moves at {v} m/s?",
            "The moving ferry has [r: 0.5*m*v**2] J.",
        ),
        (
            "m=2.5,3.5,6; v=40,50,60",
            "A drone weighing {m} kg dives at {v} m/s. Determine its kinetic energy in joules.",
            "For the drone, kinetic energy comes to [r: 0.5*m*v**2] J.",
        ),
    ),
    *_kind(
        "power of resistors in series",
        (
            "a=4,6,8; b=2,6,10; u=12,24,48",
            "Two resistors of {a} ohm and {b} ohm are in series across {u} V. How much power, in watts, do they take together?",
            "Total resistance: [t: a+b] ohm.\nCurrent: [i: u/t] A.\nPower: [r: u*i] W.",
        ),
        (
            "a=15,25; b=5,15,35; u=60,100,120",
            "A heater of {a} ohm is wired in series with a lamp of {b} ohm on a {u} V supply. Find the total power in watts.",
            "Heater and lamp add up to [t: a+b] ohm.\nThe supply drives [i: u/t] A through both.\nThey draw [r: u*i] W.",
        ),
        (
            "a=1.5,2.5; b=0.5,3.5; u=9,12,18",
            "The internal resistance of a battery is {b} ohm, the motor on it has {a} ohm, and the voltage is {u} V. What power in watts does the circuit use?",
            "The circuit has [t: a+b] ohm.\nIts current is [i: u/t] A.\nThe circuit uses [r: u*i] W.",
        ),
        (
            "a=30,33; b=17,20,27; u=110,150,230",
            "In a test bench, {a} ohm and {b} ohm are connected one behind the other to {u} V. Compute the power in watts.",
            "Connected so, they make [t: a+b] ohm.\nThis lets [i: u/t] A flow.\nThe power is [r: u*i] W.",
        ),
        (
            "a=90,120; b=30,60,80; u=24,30,36",
            "A sensor of {a} ohm and its cable of {b} ohm form a loop with a {u} V source. How many watts does the source deliver?",
            "The loop resistance is [t: a+b] ohm.\nIn the loop flow [i: u/t] A.\nThe source delivers [r: u*i] W.",
        ),
    ),
    *_kind(
        "density of a block",
        (
            "m=540,810,1080; l=10; w=4,6; h=3,5",
            "A metal block of {l} cm by {w} cm by {h} cm has a mass of {m} g. What is its density in g/cm3?",
            "The volume is [v: l*w*h] cm3.\nThe density is [r: m/v] g/cm3.",
        ),
        (
            "m=96,120,150; l=8,10; w=5,6; h=2,4",
            "A wooden brick measures {l} cm, {w} cm and {h} cm and weighs {m} g. Find the density of the wood in g/cm3.",
            "Multiplying the edges gives [v: l*w*h] cm3.\nHence the wood has [r: m/v] g/cm3.",
        ),
        (
            "m=2400,3000,3600; l=20,25; w=10,12; h=5,8",
            "What is the density, in g/cm3, of a glass slab {l} cm long, {w} cm wide and {h} cm thick with a mass of {m} g?",
            "The slab fills [v: l*w*h] cm3.\nIts density comes to [r: m/v] g/cm3.",
        ),
        (
            "m=42,44,46; l=4; w=5; h=2",
            "A bar of soap has the edges {l} cm, {w} cm and {h} cm; the scale shows {m} g. How dense is the soap in g/cm3?",
            "The bar takes up [v: l*w*h] cm3.\nThe soap has a density of [r: m/v] g/cm3.",
        ),
    ),
    *_kind(
        "dilution",
        (
            "c=5,6,12; v=20,25,50; w=100,200,250",
            "{v} mL of a stock solution of {c} mol/L is topped up with water to {w} mL. What is the new concentration in mol/L?",
            "The amount stays the same, so the concentration is [r: c*v/w] mol/L.",
        ),
        (
            "c=0.8,1.2,2; v=10,15,30; w=60,75,120",
            "A lab dilutes {v} mL of acid at {c} mol/L until the flask holds {w} mL. Find the final concentration in mol/L.",
            "Diluting keeps the amount of acid: [r: c*v/w] mol/L.",
        ),
        (
            "c=9,10,18; v=4,5,8; w=40,80,90",
            "How concentrated, in mol/L, is a solution made by filling {v} mL of {c} mol/L dye up to {w} mL?",
            "The dye spreads over the larger volume, which gives [r: c*v/w] mol/L.",
        ),
        (
            "c=3,4,7; v=150,200; w=400,500,600",
            "Water is added to {v} mL of brine at {c} mol/L to make {w} mL in all. What concentration in mol/L results?",
            "Salt in is salt out, so the concentration that results is [r: c*v/w] mol/L.",
        ),
    ),
    *_kind(
        "heating water",
        (
            "m=0.5,1.5,2; a=15,20; b=60,80,95",
            "How many joules heat {m} kg of water from {a} degrees to {b} degrees? Use 4186 J per kg and degree.",
            "The temperature rises by [d: b-a] degrees.\nThe heat needed is [r: m*4186*d] J.",
        ),
        (
            "m=3,4,5; a=10,12; b=37,40,45",
            "A foot bath of {m} kg of water is warmed from {a} degrees to {b} degrees. With 4186 J per kg and degree, what heat in joules does that take?",
            "It gets warmer by [d: b-a] degrees.\nThat takes [r: m*4186*d] J.",
        ),
        (
            "m=80,100,120; a=8,14; b=50,55,60",
            "A boiler brings {m} kg of water from {a} degrees up to {b} degrees. What energy is that in joules, at 4186 J per kg and degree?",
            "The difference in temperature is [d: b-a] degrees.\nThe boiler supplies [r: m*4186*d] J.",
        ),
    ),
]  # fmt: skip


def _programs(kind: str, *programs: tuple[str, str, str, str, str]) -> list[Program]:
    return [Program(kind, *program) for program in programs]


PROGRAMS = [
    *_programs(
        "half-lives",
        (
            "n=80,96,160; h=3,4,6; t=12",
            "A sample holds {n} mg of an isotope whose half-life is {h} days. How many mg are left after {t} days?",
            "Each half-life halves what is there.",
            "# amount left after the elapsed time\ninitial_mass = {n}\nhalf_life = {h}\nelapsed_time = {t}\nhalf_lives = elapsed_time / half_life\nremaining_mass = initial_mass * 0.5 ** half_lives\nprint(remaining_mass)",
            "mg",
        ),
        (
            "n=200,320,400; h=5,10; t=20,30",
            "A medicine with a half-life of {h} hours is given as {n} mg. What amount in mg is in the blood {t} hours later?",
            "I count the half-lives first and then apply the decay.",
            "dose = {n}\nhalf_life = {h}\nhours = {t}\n# number of half-lives that have passed\nhalvings = hours / half_life\nleft = dose * 0.5 ** halvings\nprint(left)",
            "mg",
        ),
        (
            "n=1000,1200,5000; h=4,7; t=28",
            "The activity of a source is {n} Bq, its half-life {h} years. Find the activity in Bq after {t} years.",
            "The activity follows the same law as the mass.",
            "start_activity = {n}\nhalf_life_years = {h}\nyears = {t}\nperiods = years / half_life_years\nactivity = start_activity * 0.5 ** periods\nprint(activity)",
            "Bq",
        ),
        (
            "n=48,72; h=2,9; t=18,36",
            "Foam on a drink is {n} mm high and loses half its height every {h} seconds. How high is it in mm after {t} seconds?",
            "The height halves again and again.",
            "height = {n}\nhalving_time = {h}\nseconds = {t}\nhalvings = seconds / halving_time\nfinal_height = height * 0.5 ** halvings\nprint(final_height)",
            "mm",
        ),
    ),
    *_programs(
        "ideal gas",
        (
            "n=2,3,5; t=17,27,37; v=50,60,100",
            "{n} mol of gas fill {v} litres at {t} degrees Celsius. What is the pressure in kPa, to two decimals, with R = 8.314 J/(mol K)?",
            "The gas law needs kelvin; with litres the pressure comes out in kilopascals.",
            "moles = {n}\ncelsius = {t}\nlitres = {v}\n# absolute temperature\nkelvin = celsius + 273.15\npressure = moles * 8.314 * kelvin / litres\nprint(round(pressure, 2))",
            "kPa",
        ),
        (
            "n=0.5,0.8,1.5; t=20,22,25; v=12,15,24",
            "A vessel of {v} litres contains {n} mol of nitrogen at {t} degrees Celsius. Find the pressure in kPa to two decimals (R = 8.314 J/(mol K)).",
            "I convert the temperature and use the ideal gas law.",
            "amount = {n}\ntemperature_c = {t}\nvolume = {v}\ntemperature_k = temperature_c + 273.15\np = amount * 8.314 * temperature_k / volume\nprint(round(p, 2))",
            "kPa",
        ),
        (
            "n=10,12,40; t=5,8,-10; v=200,240,800",
            "At {t} degrees Celsius a tank of {v} litres holds {n} mol of air. Taking R = 8.314 J/(mol K), what pressure in kPa does a gauge show, to two decimals?",
            "First kelvin, then pressure.",
            "n_mol = {n}\nt_celsius = {t}\nv_litres = {v}\nt_kelvin = t_celsius + 273.15\npressure_kpa = n_mol * 8.314 * t_kelvin / v_litres\nprint(round(pressure_kpa, 2))",
            "kPa",
        ),
    ),
    *_programs(
        "thin lens",
        (
            "f=10,12,20; d=30,45,60",
            "An object stands {d} cm in front of a lens with a focal length of {f} cm. At what distance in cm does the image form, to two decimals?",
            "The lens equation is solved for the image distance.",
            "focal_length = {f}\nobject_distance = {d}\n# image distance from focal length and object distance\nimage_distance = focal_length * object_distance / (object_distance - focal_length)\nprint(round(image_distance, 2))",
            "cm",
        ),
        (
            "f=50,85,35; d=400,900,1500",
            "A camera lens of {f} mm is focused on a flower {d} mm away. How far behind the lens is the sharp image, in mm to two decimals?",
            "Image distance is f times d over d minus f.",
            "f = {f}\nd = {d}\nimage = f * d / (d - f)\nprint(round(image, 2))",
            "mm",
        ),
        (
            "f=5,8,15; d=18,24,40",
            "A magnifying glass of focal length {f} cm throws the picture of a candle {d} cm away onto paper. How far from the glass, in cm to two decimals, must the paper be?",
            "The paper has to be where the image forms.",
            "focus = {f}\ndistance = {d}\npaper = focus * distance / (distance - focus)\nprint(round(paper, 2))",
            "cm",
        ),
    ),
]  # fmt: skip

#: Questions that are answered in words: problem, trace, answer. There is nothing to mine.
PROSE = [
    (
        "Why does ice float on water?",
        "When water freezes its molecules settle into an open lattice. The lattice takes more room than the liquid did, so the solid is less dense than the liquid around it, and what is less dense floats.",
        "It is less dense than water",
    ),
    (
        "Which gas do green plants take in for photosynthesis?",
        "Leaves let air in through small openings. Out of the air the plant takes carbon dioxide, and light drives the reaction that turns it, together with water, into sugar.",
        "carbon dioxide",
    ),
    (
        "Why do we see lightning before we hear the thunder?",
        "Both set out at the same moment from the same place. Light reaches us practically at once, whereas sound crawls through the air, so the flash arrives ahead of the rumble.",
        "Light travels faster than sound",
    ),
    (
        "What kind of mirror lets a driver see a wider field of view?",
        "A flat mirror shows only what a window of its size would. If the surface bulges towards the driver, rays from farther to the side are sent to the eye, at the price of smaller images.",
        "a convex mirror",
    ),
]
