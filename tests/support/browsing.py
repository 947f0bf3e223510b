"""A person at the pages: forms filled in and sent as a browser does, answers followed and read."""

import re
from typing import Any

import httpx

HTML = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}


class Visitor:
    """``headers``: of whoever is signed in; nobody without."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str] | None = None, language: str = "en") -> None:
        self._http = http
        self._headers = (headers or {}) | HTML | {"Accept-Language": language}

    async def see(self, path: str, status: int = 200) -> str:
        """A page's text."""
        answer = await self._http.get(path, headers=self._headers)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer.text

    async def send(self, path: str, fields: Any = None, *, file: bytes | None = None, **headers: str) -> httpx.Response:
        """A form: its answer, not followed."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        sent: Any = {"file": ("list.xlsx", file)} if file is not None else None
        return await self._http.post(path, data=fields or {}, files=sent, headers=self._headers | told)

    async def done(self, path: str, fields: Any = None, *, file: bytes | None = None, **headers: str) -> str:
        """A form that is taken: the text of the page it leads to."""
        answer = await self.send(path, fields, file=file, **headers)
        assert answer.status_code == 303, (answer.status_code, words_of(answer.text))
        return await self.see(answer.headers["location"])


def words_of(html: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
