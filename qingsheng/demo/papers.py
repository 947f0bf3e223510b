"""What the committee takes home: briefings, workbooks and a certificate, written to a folder."""

from pathlib import Path

from qingsheng.demo.doors import Doors
from qingsheng.demo.story.places import YEAR

API = "/appraisal/api/v1"


async def written(doors: Doors, folder: Path) -> list[Path]:
    """Downloads them through the open API; returns where each is. Those of an earlier run are written over."""
    wanted = {
        f"{period}-{what}-{language}.{ending}": (f"{API}/reports/{period}.{ending}", language)
        for period in (f"{YEAR}-H1", f"{YEAR}")
        for what, ending in (("briefing", "docx"), ("workbook", "xlsx"))
        for language in ("zh", "en")
    }
    if awarded := (await doors.get(f"{API}/commendations/{YEAR}"))["items"]:
        certificate = f"{API}/commendations/{YEAR}/{awarded[0]['volunteer_id']}.docx"
        wanted |= {f"{YEAR}-certificate-{language}.docx": (certificate, language) for language in ("zh", "en")}
    contents = {folder / name: await doors.get(path, lang=language) for name, (path, language) in wanted.items()}
    return _save(contents)


def _save(contents: dict[Path, bytes]) -> list[Path]:
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(contents)
