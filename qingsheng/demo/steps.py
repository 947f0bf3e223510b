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
    out.title("The story of 2014 (totals as reported, all detail synthetic)")
    out.not_yet("January", "adopting a scheme over HTTP; the default scheme is in force")
    await roster.units(telling)
    await roster.ledgers(telling)
    out.not_yet("by May", "contact groups and the audited export of the contact list")

    # Three other systems report while the year goes on; each answers for its own order.
    await training.sessions(telling)
    registering = telling.report(registers.PRODUCER, "binary")
    await campaign.columns(telling)
    await campaign.issues(telling)
    feeding = telling.report(feeds.PRODUCER)
    tipping = telling.report(lines.PRODUCER)
    await opinion.entered_by_hand(telling)
    registered = await registering
    training.say(telling)
    out.step("", f"{registers.PRODUCER}: {counted([registered])}")

    tipped = await tipping
    await opinion.dealt_with(telling)
    out.step("", f"{lines.PRODUCER}: {counted([tipped])}")
    await opinion.correction(telling)
    out.not_yet("17 July", "closing 2014-H1 and its briefing document; the half-year stands below as the meeting saw it")

    fed = await feeding
    campaign.say(telling)
    out.step("", f"{feeds.PRODUCER}: {counted([fed])}")
    await roster.departures(telling)
    out.step("29 September", "the report is given: the year as of that day stands below")
    out.not_yet("October", "planning the next joint class and targets")
    out.not_yet("January 2015", "closing 2014, the workbook, commendations of volunteers who opted in")
    return telling
