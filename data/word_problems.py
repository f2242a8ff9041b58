"""Multi-step word problems, with the answer's calculations annotated as ``<<48/2=24>>``."""

from __future__ import annotations

from tracemine.data.stories import Story, Told, tell


def word_problems() -> list[Told]:
    """Every story below with its numbers; answers end in ``#### result``."""
    told = []
    for index, story in enumerate(STORIES):
        one = tell(story, f"{story.kind} {index}", annotate)
        told.append(Told(one.question, f"{one.answer}\n#### {one.result}", one.result, one.truth))
    return told


def annotate(expression: str, value: str, money: bool) -> str:
    """A step as GSM8K writes it: ``48/2 = $<<48/2=24>>24``."""
    return f"{expression} = {'$' if money else ''}<<{expression}={value}>>{value}"


def _kind(kind: str, *stories: tuple[str, str, str]) -> list[Story]:
    return [Story(kind, *story) for story in stories]


STORIES = [
    *_kind(
        "money left after two purchases",
        (
            "cash=60,70,80,90; n=2,3,4; p=4,5,6; m=3,5,6; q=2,3",
            "Imke walks into the stationer's with ${cash}. She buys {n} sketchbooks at ${p} each and {m} charcoal sticks at ${q} each. How much money does she have left?",
            "The sketchbooks cost [$a: n*p].\nThe charcoal sticks cost [$b: m*q].\nTogether she spends [$t: a+b].\nSo Imke has [$r: cash-t] left.",
        ),
        (
            "cash=100,120,150; n=3,4,5; p=7,8,9; m=2,4; q=11,12,13",
            "A scout group has ${cash} for its camp. The leader pays for {n} sacks of potatoes at ${p} a sack and {m} gas bottles at ${q} a bottle. How many dollars remain in the fund afterwards?",
            "Potatoes: [$a: n*p].\nGas bottles: [$b: m*q].\nThe two purchases come to [$t: a+b].\nThe fund still holds [$r: cash-t].",
        ),
        (
            "cash=200,220,250; n=2,3; p=19,24,29; m=4,6,8; q=6,9",
            "Having saved ${cash} from babysitting, Ottilie orders {n} plant stands for ${p} apiece and {m} clay pots for ${q} apiece. What is left of her savings?",
            "The stands cost her [$a: n*p], and the pots cost [$b: m*q].\nHer order totals [$t: a+b].\nShe keeps [$r: cash-t].",
        ),
        (
            "cash=45,50,55; n=5,6; p=2,3; m=3,4; q=4,5",
            "Grandfather gives Tariq ${cash} for the fair. Rides are ${p} each and Tariq goes on {n} of them; he also eats {m} corn cobs at ${q} each. How much of the money can he take home?",
            "Rides cost [$a: n*p] in all.\nCorn cobs cost [$b: m*q] in all.\nAt the fair he spends [$t: a+b].\nHe takes home [$r: cash-t].",
        ),
        (
            "cash=500,540,600; n=12,14,15; p=8,10; m=20,25; q=6,7",
            "The chess club's account shows ${cash}. It pays for {n} clocks at ${p} each, then for {m} boards at ${q} each. How much money is left in the account?",
            "First come the clocks: [$a: n*p].\nThen the boards: [$b: m*q].\nAltogether that is [$t: a+b].\nThe account is left with [$r: cash-t].",
        ),
    ),
    *_kind(
        "discount, then tax",
        (
            "price=80,120,140; d=10,15,25; t=5,10",
            "A rain jacket is marked ${price}. The shop takes {d}% off, and then {t}% sales tax is added to the reduced price. What does the jacket cost in the end?",
            "The discount is [$o: price*d/100].\nThe reduced price is [$s: price-o].\nSales tax on it is [$x: s*t/100].\nThe jacket costs [$r: s+x].",
        ),
        (
            "price=200,240,260; d=20,30; t=5,8",
            "Lorenz wants a telescope listed at ${price}. With his student card he gets {d}% off, but a tax of {t}% is charged on what he pays for it. What is the final price?",
            "His card saves him [$o: price*d/100].\nThat brings the telescope down to [$s: price-o].\nThe tax comes to [$x: s*t/100].\nThe final price is [$r: s+x].",
        ),
        (
            "price=50,60,90; d=20,40; t=5,10",
            "During the sale every lamp is {d}% cheaper. Yuki picks one with an original price of ${price} and must pay {t}% tax on the sale price. How much does Yuki pay?",
            "The lamp is cheaper by [$o: price*d/100].\nIts sale price is therefore [$s: price-o].\nTax adds [$x: s*t/100].\nYuki pays [$r: s+x].",
        ),
        (
            "price=400,450,480; d=5,10,25; t=6,8,10",
            "An oven normally sells for ${price}. Because of a scratch the dealer lowers the price by {d}%; {t}% tax then applies to the lowered price. What is the total that a buyer hands over?",
            "The scratch lowers the price by [$o: price*d/100].\nWithout tax the oven is now [$s: price-o].\nThe tax is [$x: s*t/100].\nThe buyer hands over [$r: s+x].",
        ),
        (
            "price=1200,1500,1800; d=12,15,18; t=5,9",
            "A cello costs ${price} before a loyalty discount of {d}% and, after that discount, a tax of {t}%. How much must the orchestra pay for the cello?",
            "Loyalty saves the orchestra [$o: price*d/100].\nThe discounted price is [$s: price-o].\nOn that, tax is [$x: s*t/100].\nSo the orchestra must pay [$r: s+x].",
        ),
    ),
    *_kind(
        "average speed over two legs",
        (
            "v=12,14,15; h=2,3; w=18,20,24; k=2,3",
            "Pelle cycles for {h} hours at {v} km per hour and then, with the wind behind him, for {k} hours at {w} km per hour. What is his average speed over the whole ride?",
            "The first part is [a: v*h] km long.\nThe second part is [b: w*k] km long.\nHe rides [d: a+b] km altogether.\nThe ride takes [t: h+k] hours.\nHis average speed is [r: d/t] km per hour.",
        ),
        (
            "v=60,70,80; h=3,4; w=90,100,110; k=2,5",
            "A coach drives {h} hours through the hills at {v} km per hour, and {k} hours on the motorway at {w} km per hour. Find the coach's average speed for the journey.",
            "In the hills it covers [a: v*h] km.\nOn the motorway it covers [b: w*k] km.\nThe journey is [d: a+b] km.\nIt lasts [t: h+k] hours.\nThe average speed is [r: d/t] km per hour.",
        ),
        (
            "v=8,9,10; h=2,4; w=4,5,6; k=2,3,4",
            "A canoe team paddles downstream at {v} km per hour for {h} hours. Back upstream it makes only {w} km per hour and stops after {k} hours. What was the team's average speed?",
            "Downstream: [a: v*h] km.\nUpstream: [b: w*k] km.\nThat makes [d: a+b] km.\nThe team paddled [t: h+k] hours.\nIts average speed was [r: d/t] km per hour.",
        ),
        (
            "v=300,320,340; h=2,3; w=400,420,440; k=2,3",
            "For the first {h} hours the courier plane Dora makes {v} km per hour; for the next {k} hours, with a tail wind, it makes {w} km per hour. How fast does Dora travel on average?",
            "The first stretch measures [a: v*h] km.\nThe next one measures [b: w*k] km.\nBoth together are [d: a+b] km.\nDora is under way for [t: h+k] hours.\nOn average it travels [r: d/t] km per hour.",
        ),
        (
            "v=5,6; h=3,4,5; w=3,4; k=2,3",
            "Hiking on a flat path, Rosalind keeps {v} km per hour for {h} hours. A climb of {k} hours follows at {w} km per hour. What average speed does she reach over the day?",
            "On the flat she walks [a: v*h] km.\nOn the climb she walks [b: w*k] km.\nOver the day that is [d: a+b] km.\nShe is walking for [t: h+k] hours.\nShe reaches an average of [r: d/t] km per hour.",
        ),
    ),
    *_kind(
        "equal shares after costs",
        (
            "n=30,40,50; p=6,8; c=40,60,75; k=3,4,5",
            "{k} friends wash {n} cars at ${p} a car. Soap and sponges cost them ${c}, and they share what remains equally. How much does each friend get?",
            "They take in [$a: n*p].\nAfter the costs they have [$b: a-c].\nEach friend gets [$r: b/k].",
        ),
        (
            "n=90,110,120; p=3,4; c=55,70,80; k=4,5,7",
            "A quartet of bakers grew to {k} people. On market day they sell {n} loaves for ${p} each; the stall fee and flour come to ${c}. The rest is split evenly. What is the share of one baker?",
            "The loaves bring [$a: n*p].\nLess the fee and flour, that is [$b: a-c].\nOne baker's share is [$r: b/k].",
        ),
        (
            "n=200,240,250; p=5,7; c=300,350,420; k=8,10",
            "At the school play {n} tickets are sold at ${p} each. Costumes cost ${c}. The profit is divided equally among {k} classes. How many dollars does each class receive?",
            "Ticket sales are worth [$a: n*p].\nWhen the costumes are paid, [$b: a-c] is there.\nEach class receives [$r: b/k].",
        ),
        (
            "n=18,24,26; p=15,20; c=60,90,100; k=3,6",
            "Siblings {k} in number mow {n} lawns during the summer, for ${p} a lawn. They spend ${c} on petrol and divide the remaining money into equal parts. How much is one part?",
            "Mowing earns them [$a: n*p].\nPetrol reduces that to [$b: a-c].\nOne part is [$r: b/k].",
        ),
        (
            "n=65,70,84; p=9,12; c=150,180,210; k=5,6,9",
            "A pottery studio of {k} members sells {n} mugs for ${p} each at a fair. Clay and glaze had cost ${c}. If the members share the surplus equally, what does each of them earn?",
            "The mugs sell for [$a: n*p].\nThe surplus is [$b: a-c].\nEvery member earns [$r: b/k].",
        ),
    ),
    *_kind(
        "two workers together",
        (
            "a=12,14,18; b=8,10,12; n=240,300,360",
            "One press prints {a} posters a minute, the older one only {b} a minute. Running side by side, how many seconds do they need for {n} posters?",
            "Together they print [c: a+b] posters a minute.\nThey need [m: n/c] minutes.\nIn seconds that is [r: m*60].",
        ),
        (
            "a=40,45,50; b=25,30,35; n=320,350,400",
            "Hedda shells {a} peas a minute and her brother {b} a minute. They have {n} peas to shell together. How many seconds does it take them?",
            "The two shell [c: a+b] peas each minute.\nThe work lasts [m: n/c] minutes.\nThat equals [r: m*60] seconds.",
        ),
        (
            "a=90,110,120; b=60,70,80; n=800,900,950",
            "Two pumps empty a flooded cellar. The big pump moves {a} litres a minute, the small pump {b} litres a minute, and there are {n} litres of water. After how many seconds is the cellar empty?",
            "Both pumps move [c: a+b] litres a minute.\nEmptying takes [m: n/c] minutes.\nThe cellar is empty after [r: m*60] seconds.",
        ),
        (
            "a=15,16,20; b=5,9,10; n=100,150,175",
            "A robot packs {a} parcels per minute while Mr Osei packs {b} per minute. Working on the same pile of {n} parcels, how long do they need, in seconds?",
            "In one minute they pack [c: a+b] parcels.\nThe pile takes [m: n/c] minutes.\nThey need [r: m*60] seconds.",
        ),
        (
            "a=22,24,28; b=16,18,22; n=200,220,250",
            "Typing a register, Solveig enters {a} names a minute and Jorge {b} names a minute. If they share the {n} names so that both finish together, after how many seconds are they done?",
            "They enter [c: a+b] names a minute between them.\nAll names are entered in [m: n/c] minutes.\nThey are done after [r: m*60] seconds.",
        ),
    ),
    *_kind(
        "percent change",
        (
            "old=40,50,80; new=56,60,92,100",
            "Last year the village library lent {old} audiobooks a month; this year it lends {new}. By what percent did the lending grow?",
            "Lending grew by [d: new-old] audiobooks.\nCompared with last year that is [f: d/old].\nAs a percentage, [r: f*100] percent.",
        ),
        (
            "old=200,250,400; new=260,300,450,500",
            "A young hedgehog weighed {old} grams in May and {new} grams in July. What is the percent increase in its weight?",
            "The weight rose by [d: new-old] grams.\nAs a part of the weight in May that is [f: d/old].\nThe increase is [r: f*100] percent.",
        ),
        (
            "old=160,125,320; new=200,180,400",
            "Rent for a garden plot goes up from ${old} to ${new} a year. How large is the increase in percent?",
            "The rent goes up by [$d: new-old].\nRelative to the old rent this is [f: d/old].\nSo the increase is [r: f*100] percent.",
        ),
        (
            "old=25,75,150; new=30,90,165,180",
            "At its first rehearsal a choir had {old} singers, and by spring it had {new}. What percent growth is that?",
            "The choir gained [d: new-old] singers.\nMeasured against the beginning, that is [f: d/old].\nThe growth is [r: f*100] percent.",
        ),
        (
            "old=500,640,800; new=720,760,1000",
            "A ferry carried {old} cars in its opening week and {new} cars in the week after. By how many percent did the number of cars rise?",
            "The number rose by [d: new-old] cars.\nDivided by the opening week's number, [f: d/old].\nThat is a rise of [r: f*100] percent.",
        ),
    ),
    *_kind(
        "pay with overtime",
        (
            "h=44,46,48; b=40; w=14,16,18; f=1.5",
            "Nadia earns ${w} an hour for the first {b} hours of a week and {f} times as much for every hour beyond. Last week she worked {h} hours. What was her pay?",
            "Regular pay: [$a: b*w].\nShe worked [o: h-b] hours of overtime.\nAn overtime hour pays [$g: w*f].\nOvertime pay: [$e: o*g].\nHer pay was [$r: a+e].",
        ),
        (
            "h=42,43,45; b=36,38; w=20,22,24; f=1.5,2",
            "A nurse's contract says {b} hours a week at ${w} an hour; extra hours are paid at {f} times that rate. How much does the nurse earn in a week of {h} hours?",
            "The contract hours pay [$a: b*w].\nThere are [o: h-b] extra hours.\nEach of them pays [$g: w*f].\nThe extra hours pay [$e: o*g].\nThe nurse earns [$r: a+e].",
        ),
        (
            "h=50,52,55; b=40,45; w=12,15; f=2",
            "At the harbour the wage is ${w} per hour up to {b} hours and {f} times the wage after that. Bertil worked {h} hours. What does he receive?",
            "Up to the limit he receives [$a: b*w].\nBeyond it he worked [o: h-b] hours.\nThere the hourly wage is [$g: w*f].\nThat part is worth [$e: o*g].\nBertil receives [$r: a+e].",
        ),
        (
            "h=10,11,12; b=8; w=26,30,32; f=1.5",
            "A crane driver gets ${w} an hour during a normal shift of {b} hours, and {f} times that for overtime. On Friday she worked {h} hours. How much did she make that day?",
            "The normal shift made her [$a: b*w].\nHer overtime was [o: h-b] hours.\nOvertime is paid [$g: w*f] an hour.\nIt made her [$e: o*g].\nOn Friday she made [$r: a+e].",
        ),
        (
            "h=33,35,37; b=30; w=17,19,21; f=2,3",
            "Students may work {b} hours a month in the archive for ${w} an hour. In inventory month they get {f} times the rate for additional hours. Elif worked {h} hours then. What was her pay?",
            "For the usual hours she got [$a: b*w].\nShe had [o: h-b] additional hours.\nThose pay [$g: w*f] each.\nThey add [$e: o*g].\nElif's pay was [$r: a+e].",
        ),
    ),
    *_kind(
        "saving by the cheaper unit price",
        (
            "p=6,9,12; n=3,4; q=10,14,20; m=8,10; k=12,15,20",
            "Honey is offered as {n} jars for ${p}, or in the crate as {m} jars for ${q}. How much does one save on {k} jars by buying at the crate's price per jar?",
            "In the small set a jar costs [$a: p/n].\nIn the crate a jar costs [$b: q/m].\nThe difference per jar is [$d: a-b].\nOn all jars one saves [$r: d*k].",
        ),
        (
            "p=8,10; n=4,5; q=18,24,27; m=15,20; k=30,40,60",
            "Shop A sells {n} batteries for ${p} and shop B sells {m} of the same batteries for ${q}. Per battery B is cheaper. How much is saved by getting {k} batteries at B's price?",
            "Shop A asks [$a: p/n] for a battery.\nShop B asks [$b: q/m] for a battery.\nB is cheaper by [$d: a-b] a battery.\nThe saving is [$r: d*k].",
        ),
        (
            "p=15,18,21; n=6; q=40,44,48; m=20,25; k=50,100",
            "Tulip bulbs cost ${p} for {n} at the nursery but ${q} for {m} by mail. A park needs {k} bulbs. What does it save by ordering at the mail price?",
            "At the nursery a bulb is [$a: p/n].\nBy mail a bulb is [$b: q/m].\nEach bulb is cheaper by [$d: a-b].\nThe park saves [$r: d*k].",
        ),
        (
            "p=9,12; n=2,3; q=25,30; m=10,12; k=8,16,24",
            "Comparing offers, a caterer finds {n} trays for ${p}, or {m} trays for ${q}. If {k} trays are needed, how much cheaper is the second price than the first?",
            "The first price is [$a: p/n] a tray.\nThe second price is [$b: q/m] a tray.\nThat is [$d: a-b] less for each tray.\nAltogether it is cheaper by [$r: d*k].",
        ),
        (
            "p=20,24; n=8,10; q=60,75; m=50; k=200,250,300",
            "Printing shop Lind wants ${p} for {n} cards; shop Moe wants ${q} for {m} cards. How much money is saved when {k} cards are printed at Moe's price per card?",
            "At Lind a card costs [$a: p/n].\nAt Moe a card costs [$b: q/m].\nA card costs [$d: a-b] less at Moe.\nThat saves [$r: d*k].",
        ),
    ),
    *_kind(
        "savings after some weeks",
        (
            "s=20,35,50; i=40,45,60; o=18,25,32; w=6,8,9",
            "Kaveh has ${s} in a jar. Every week he earns ${i} and spends ${o}, and what is over goes into the jar. How much is in the jar after {w} weeks?",
            "Each week [$a: i-o] goes into the jar.\nIn all the weeks that makes [$b: a*w].\nThe jar then holds [$r: s+b].",
        ),
        (
            "s=100,150; i=300,320,350; o=240,260,275; w=5,10,12",
            "Marisol's account starts at ${s}. Her weekly income of ${i} is partly eaten by weekly expenses of ${o}; the rest stays. What is the balance after {w} weeks?",
            "Per week she can keep [$a: i-o].\nOver the period she keeps [$b: a*w].\nThe balance is [$r: s+b].",
        ),
        (
            "s=12,15,18; i=10,11,12; o=4,5,7; w=7,11,13",
            "A pocket-money plan: start with ${s}, get ${i} a week, spend ${o} a week. How many dollars are saved when {w} weeks have passed?",
            "The plan leaves [$a: i-o] a week.\nThat adds up to [$b: a*w].\nWith the start, [$r: s+b] is saved.",
        ),
        (
            "s=400,450,600; i=820,860,900; o=710,740,790; w=4,6,8",
            "The cooperative shop opens with ${s} in reserve. It takes ${i} each week and pays out ${o} each week. How large is the reserve {w} weeks later?",
            "The shop puts aside [$a: i-o] each week.\nTogether this is [$b: a*w].\nThe reserve is [$r: s+b].",
        ),
        (
            "s=75,80,95; i=64,66,70; o=28,30,41; w=14,15,16",
            "To buy a kayak, Wren adds to the ${s} she has. From a weekly wage of ${i} she needs ${o} for herself and puts the remainder aside. What has she saved after {w} weeks?",
            "She puts aside [$a: i-o] a week.\nAfter all the weeks that is [$b: a*w].\nWren has saved [$r: s+b].",
        ),
    ),
    *_kind(
        "cost of a fence with a gate",
        (
            "l=20,25,30; w=10,12,15; p=6,8,9; g=45,60",
            "A rectangular orchard is {l} metres long and {w} metres wide. Fencing costs ${p} a metre and a gate costs ${g} extra. What does it cost to fence the orchard all around?",
            "Length and width add to [s: l+w] metres.\nThe fence is [m: 2*s] metres long.\nThe fencing costs [$c: m*p].\nWith the gate it is [$r: c+g].",
        ),
        (
            "l=14,16,18; w=7,9,11; p=12,15; g=80,95",
            "Around a rectangular pool, {l} metres by {w} metres, a safety rail is put up at ${p} per metre, and a door in it costs another ${g}. How much is the whole job?",
            "Two neighbouring sides measure [s: l+w] metres.\nThe rail measures [m: 2*s] metres.\nThe rail costs [$c: m*p].\nThe whole job is [$r: c+g].",
        ),
        (
            "l=60,75,80; w=40,45,50; p=4,5; g=110,130,150",
            "Farmer Achterberg wants to enclose a rectangular paddock of {l} metres by {w} metres. Wire is ${p} a metre, the gate ${g}. What will the enclosure cost?",
            "Half of the way around is [s: l+w] metres.\nAll the way around is [m: 2*s] metres.\nThe wire costs [$c: m*p].\nThe enclosure will cost [$r: c+g].",
        ),
        (
            "l=8,9,11; w=3,4,6; p=20,22,25; g=35,50",
            "For the rabbits the children plan a rectangular run, {l} metres long and {w} metres wide, with mesh at ${p} a metre and a small gate at ${g}. What is the total cost?",
            "One long and one short side are [s: l+w] metres.\nThe mesh has to be [m: 2*s] metres long.\nIt costs [$c: m*p].\nThe total cost is [$r: c+g].",
        ),
        (
            "l=120,140,150; w=90,95,100; p=3,7; g=240,275,300",
            "A rectangular building site measures {l} metres by {w} metres. Hiring barriers costs ${p} per metre for the duration and a lockable gate ${g}. What is the bill?",
            "The two side lengths sum to [s: l+w] metres.\nBarriers are needed along [m: 2*s] metres.\nThey cost [$c: m*p].\nThe bill is [$r: c+g].",
        ),
    ),
    *_kind(
        "strength of a mixture",
        (
            "a=2,3,4; p=10,20; b=6,7,8; q=40,50,60",
            "A chemist pours {a} litres of a {p}% salt solution into {b} litres of a {q}% salt solution. What percent of the mixture is salt?",
            "The first solution holds [x: a*p/100] litres of salt.\nThe second holds [y: b*q/100] litres of salt.\nTogether there are [s: x+y] litres of salt.\nThe mixture is [v: a+b] litres.\nThe percentage is [r: s/v*100] percent.",
        ),
        (
            "a=10,12,15; p=25,30; b=5,8,10; q=45,75,90",
            "For a punch, {a} cups of juice with {p}% mango are stirred into {b} cups of juice with {q}% mango. How many percent mango is the punch?",
            "From the first juice come [x: a*p/100] cups of mango.\nFrom the second come [y: b*q/100] cups of mango.\nThat is [s: x+y] cups of mango.\nThere are [v: a+b] cups of punch.\nThe punch is [r: s/v*100] percent mango.",
        ),
        (
            "a=30,40; p=5,15; b=10,20; q=35,55,65",
            "{a} kilograms of an alloy with {p}% tin are melted together with {b} kilograms of an alloy with {q}% tin. What percentage of tin does the melt have?",
            "The first alloy brings [x: a*p/100] kilograms of tin.\nThe other brings [y: b*q/100] kilograms of tin.\nThe melt has [s: x+y] kilograms of tin.\nIt weighs [v: a+b] kilograms.\nThe percentage of tin is [r: s/v*100] percent.",
        ),
        (
            "a=6,9; p=12,18; b=1,3,6; q=20,48,60",
            "A gardener mixes {a} buckets of soil that is {p}% sand with {b} buckets of soil that is {q}% sand. What percent sand has the mixed soil?",
            "There are [x: a*p/100] buckets of sand in the first soil.\nThere are [y: b*q/100] buckets of sand in the second.\nIn total there are [s: x+y] buckets of sand.\nThe gardener has [v: a+b] buckets of soil.\nThe soil is [r: s/v*100] percent sand.",
        ),
        (
            "a=100,150; p=4,6; b=50,100; q=16,24,30",
            "A dairy blends {a} litres of milk at {p}% fat with {b} litres of cream at {q}% fat. What is the fat content of the blend in percent?",
            "The milk contains [x: a*p/100] litres of fat.\nThe cream contains [y: b*q/100] litres of fat.\nThe blend contains [s: x+y] litres of fat.\nIts volume is [v: a+b] litres.\nThe fat content is [r: s/v*100] percent.",
        ),
    ),
    *_kind(
        "profit after a fee",
        (
            "n=25,30,36; p=4,5,6; q=9,11; f=20,30",
            "Zola buys {n} second-hand comics at ${p} each and sells every one for ${q} at a fair where a table costs ${f}. What profit does she make?",
            "The comics cost her [$c: n*p].\nSelling them brings [$s: n*q].\nBefore the table she is ahead by [$d: s-c].\nHer profit is [$r: d-f].",
        ),
        (
            "n=48,50,64; p=2,3; q=5,7; f=25,40",
            "A kiosk owner gets {n} kites from the wholesaler at ${p} apiece, sells them all at ${q} apiece and pays ${f} for a permit. How much profit remains?",
            "The wholesaler is paid [$c: n*p].\nSales come to [$s: n*q].\nThe margin is [$d: s-c].\nAfter the permit [$r: d-f] remains.",
        ),
        (
            "n=10,12,14; p=45,50,55; q=80,85; f=70,90",
            "Repairing bicycles: Anselm buys {n} wrecks for ${p} each and sells them restored for ${q} each. Paint and tools for all of them cost ${f}. What is his profit?",
            "For the wrecks he pays [$c: n*p].\nFor the restored bicycles he gets [$s: n*q].\nThe difference is [$d: s-c].\nHis profit is [$r: d-f].",
        ),
        (
            "n=150,180,200; p=1,2; q=3,4; f=65,85,100",
            "The parents' council purchases {n} seedlings for ${p} each. All are sold at ${q} each, and the truck to fetch them costs ${f}. How much profit goes to the school?",
            "The seedlings cost the council [$c: n*p].\nThe sale raises [$s: n*q].\nThat leaves [$d: s-c] before transport.\nThe school gets [$r: d-f].",
        ),
        (
            "n=7,8,9; p=110,120,130; q=175,180,190; f=60,75,140",
            "An art dealer acquires {n} prints at ${p} each and sells them at ${q} each through an auction house that charges a flat ${f}. What profit does the dealer make on the prints?",
            "Acquiring the prints costs [$c: n*p].\nThe auction yields [$s: n*q].\nThe yield is above the cost by [$d: s-c].\nThe dealer's profit is [$r: d-f].",
        ),
    ),
    *_kind(
        "fuel for a return trip",
        (
            "d=90,120,150; e=12,15; p=1.5,2; t=6,8",
            "The lake is {d} km from home. The van goes {e} km on a litre of fuel, a litre costs ${p}, and the toll for the whole trip is ${t}. What does a trip to the lake and back cost?",
            "There and back is [k: 2*d] km.\nThe van burns [l: k/e] litres.\nThe fuel costs [$c: l*p].\nWith the toll the trip costs [$r: c+t].",
        ),
        (
            "d=210,240,300; e=10,20; p=1.6,1.8; t=15,22",
            "A band plays in a town {d} km away. Its bus needs a litre for every {e} km; fuel is ${p} a litre, and parking costs ${t}. How much does the band spend on the return journey?",
            "The return journey is [k: 2*d] km.\nFor it the bus needs [l: k/e] litres.\nFuel comes to [$c: l*p].\nThe band spends [$r: c+t].",
        ),
        (
            "d=36,45,54; e=9,18; p=1.7,1.9; t=4,5",
            "To visit her aunt, Ludmila drives {d} km each way. Her old car manages {e} km per litre, petrol costs ${p} per litre, and the bridge costs ${t} in all. What does the visit cost her?",
            "Both ways together are [k: 2*d] km.\nHer car uses [l: k/e] litres.\nThe petrol costs [$c: l*p].\nThe visit costs her [$r: c+t].",
        ),
        (
            "d=15,18,24; e=3,4,6; p=1.4,1.5; t=10,12",
            "A fishing boat motors {d} km out to the reef and the same way back, doing {e} km per litre of diesel at ${p} a litre. The mooring fee is ${t}. What are the costs of the outing?",
            "The boat travels [k: 2*d] km.\nIt uses [l: k/e] litres of diesel.\nThe diesel costs [$c: l*p].\nThe outing costs [$r: c+t].",
        ),
        (
            "d=400,480,500; e=16,20,25; p=1.25,1.5; t=30,38",
            "Cousins drive {d} km to a wedding and return by the same road. They get {e} km out of each litre, pay ${p} per litre, and ${t} for road stickers. How much do they pay altogether?",
            "They drive [k: 2*d] km.\nThat takes [l: k/e] litres.\nThe litres cost [$c: l*p].\nAltogether they pay [$r: c+t].",
        ),
    ),
    *_kind(
        "days left at a new pace",
        (
            "n=300,360,420; a=20,25,30; d=4,5,6; b=30,35,40",
            "A novel has {n} pages. Ines reads {a} pages a day for {d} days and then speeds up to {b} pages a day. How many more days does she need?",
            "At first she reads [x: a*d] pages.\nThat leaves [y: n-x] pages.\nShe needs [r: y/b] more days.",
        ),
        (
            "n=900,1000,1200; a=60,75; d=6,8; b=50,90,100",
            "A mason has {n} bricks to lay. After laying {a} bricks a day for {d} days he gets help, and {b} bricks a day are laid from then on. How many more days does the wall take?",
            "Alone he lays [x: a*d] bricks.\nThere remain [y: n-x] bricks.\nThe wall takes [r: y/b] more days.",
        ),
        (
            "n=150,180,210; a=8,9; d=5,10; b=10,12,20",
            "Learning {n} irregular verbs, Stellan manages {a} a day in the first {d} days and {b} a day afterwards. For how many days more must he learn?",
            "In the first days he learns [x: a*d] verbs.\nHe still has [y: n-x] verbs to learn.\nThat takes him [r: y/b] days more.",
        ),
        (
            "n=640,720,800; a=40,45; d=7,8; b=55,60,80",
            "A quilt needs {n} patches. The group sews {a} patches a day for {d} days, then {b} a day. How many further days are needed?",
            "The group first sews [x: a*d] patches.\nMissing are [y: n-x] patches.\nIt needs [r: y/b] further days.",
        ),
        (
            "n=2000,2400,2600; a=110,120,150; d=9,10,12; b=100,160,200",
            "A crew must stretch {n} metres of cable. For {d} days it stretches {a} metres a day; with a new machine it does {b} metres a day. How many days remain until the job is done?",
            "With the old method the crew stretches [x: a*d] metres.\nThe rest is [y: n-x] metres.\nThe job is done in [r: y/b] days.",
        ),
    ),
    *_kind(
        "the larger part of a ratio",
        (
            "n=60,84,96; a=4,5; b=2,3",
            "Grandma leaves {n} postcards to Vera and Ilmar in the ratio {a} to {b}. How many postcards does Vera get?",
            "The ratio has [s: a+b] parts.\nOne part is [u: n/s] postcards.\nVera gets [r: u*a] postcards.",
        ),
        (
            "n=120,132,150; a=7,8; b=3,4",
            "Concrete is mixed from gravel and cement in the ratio {a} to {b}. How many kilograms of gravel are in {n} kilograms of the mix?",
            "There are [s: a+b] parts in the mix.\nA part weighs [u: n/s] kilograms.\nGravel weighs [r: u*a] kilograms.",
        ),
        (
            "n=350,420,490; a=5,9; b=2,5",
            "In a school of {n} pupils, those who walk and those who take the bus are in the ratio {a} to {b}. How many pupils walk?",
            "All pupils make [s: a+b] parts.\nA part stands for [u: n/s] pupils.\nSo [r: u*a] pupils walk.",
        ),
        (
            "n=440,550,660; a=6,7; b=4,5",
            "Two partners share a prize of ${n} in the ratio {a} to {b}, the elder one getting the larger share. How much does the elder partner get?",
            "The prize is cut into [s: a+b] parts.\nEach part is worth [$u: n/s].\nThe elder partner gets [$r: u*a].",
        ),
        (
            "n=45,72,81; a=5,6; b=3,4",
            "Out of {n} hours of music in an archive, folk and jazz stand in the ratio {a} to {b}. How many hours of folk are there?",
            "Folk and jazz are [s: a+b] parts.\nA part is [u: n/s] hours.\nFolk takes [r: u*a] hours.",
        ),
    ),
]  # fmt: skip
