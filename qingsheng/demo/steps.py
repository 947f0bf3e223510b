"""The story told in its order: each row through the door it belongs to."""

from qingsheng.demo.chapters import appraisal, campaign, opinion, roster, training
from qingsheng.demo.doors import Doors
from qingsheng.demo.log import Log
from qingsheng.demo.outside import OtherSystems
from qingsheng.demo.printing import Printing
from qingsheng.demo.script import script
from qingsheng.demo.story import feeds, lines, registers
from qingsheng.demo.telling import Telling, counted


async def tell(doors: Doors, systems: OtherSystems, out: Printing, log: Log) -> Telling:
    """Plays every row. Ends when every call and every report has its answer. ``log``: what the services have told."""
    telling = Telling(script(), doors, systems, out)
    try:
        await _tell(telling, out, log)
    finally:
        await telling.stop()
    return telling


async def _tell(telling: Telling, out: Printing, log: Log) -> None:
    out.title("The story of 2014 (totals as reported, all detail synthetic)")
    await roster.units(telling)
    await appraisal.scheme(telling)
    await roster.ledgers(telling)
    await roster.contact_list(telling)

    # Three other systems report while the year goes on; each waits for its own answers.
    await training.sessions(telling)
    registering = telling.report(registers.PRODUCER, mode="binary")
    await campaign.columns(telling)
    await campaign.issues(telling)
    first_half, second_half = feeds.halves(telling.script.reports[feeds.PRODUCER])
    feeding_first = telling.report(feeds.PRODUCER, first_half)
    tipping = telling.report(lines.PRODUCER)
    await opinion.entered_by_hand(telling)
    training.say(telling)

    tipped = await tipping
    await opinion.dealt_with(telling)
    await opinion.corrections(telling)
    registered = await registering
    out.step("by 17 July", counted(await feeding_first))
    await appraisal.half_year_closed(telling, log)

    fed = await telling.report(feeds.PRODUCER, second_half)
    campaign.say(telling)
    for told in (registered, tipped, fed):
        out.step("to September", counted(told))
    await roster.departures(telling)
    out.step("29 September", "the report is given: below is the year as of that day")
    await appraisal.plans(telling)
    await appraisal.year_closed(telling, log)
    await appraisal.commendations(telling)
