"""The story told in its order: each row through the door it belongs to."""

from qingsheng.demo.chapters import campaign, opinion, roster, training
from qingsheng.demo.doors import Doors
from qingsheng.demo.outside import OtherSystems
from qingsheng.demo.printing import Printing
from qingsheng.demo.script import script
from qingsheng.demo.story import feeds, lines, registers
from qingsheng.demo.telling import Telling, counted


async def tell(doors: Doors, systems: OtherSystems, out: Printing) -> Telling:
    """Plays every row. Ends when every call and every report has its answer."""
    telling = Telling(script(), doors, systems, out)
    try:
        await _tell(telling, out)
    finally:
        await telling.stop()
    return telling


async def _tell(telling: Telling, out: Printing) -> None:
    out.title("The story of 2014 (totals as reported, all detail synthetic)")
    out.not_yet("January", "adopting a scheme over HTTP; the default scheme is in force")
    await roster.units(telling)
    await roster.ledgers(telling)
    out.not_yet("by May", "contact groups and the audited export of the contact list")

    # Three other systems report while the year goes on; each waits for its own answers.
    await training.sessions(telling)
    registering = telling.report(registers.PRODUCER, mode="binary")
    await campaign.columns(telling)
    await campaign.issues(telling)
    first_half, second_half = feeds.halves(telling.script.reports[feeds.PRODUCER])
    feeding_first = telling.report(feeds.PRODUCER, first_half)
    feeding_second = telling.report(feeds.PRODUCER, second_half, after=feeding_first)
    tipping = telling.report(lines.PRODUCER)
    await opinion.entered_by_hand(telling)
    training.say(telling)

    tipped = await tipping
    await opinion.dealt_with(telling)
    await opinion.corrections(telling)
    out.step("by 17 July", counted(await feeding_first))
    out.not_yet("17 July", "closing 2014-H1, the briefing document; below is the half-year as the meeting saw it")

    fed = await feeding_second
    campaign.say(telling)
    for told in (await registering, tipped, fed):
        out.step("to September", counted(told))
    await roster.departures(telling)
    out.step("29 September", "the report is given: below is the year as of that day")
    out.not_yet("October", "planning the next joint class; targets for the rest of the year")
    out.not_yet("January 2015", "closing 2014, the workbook, commendations of volunteers who opted in")
