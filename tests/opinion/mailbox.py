"""A mail server on loopback that keeps what it is given."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """``refusing``: recipients that the server does not take. ``dialogue``: what clients said, without contents."""

    url: str = ""
    messages: list[EmailMessage] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    dialogue: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        say("220 mailbox")
        while line := (await reader.readline()).decode().strip():
            self.dialogue.append(line)
            match line.split(":")[0].upper():
                case "QUIT":
                    say("221 bye")
                    break
                case "DATA":
                    say("354 go on")
                    content = (await reader.readuntil(b"\r\n.\r\n"))[:-5].replace(b"\r\n..", b"\r\n.")
                    self.messages.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
                    say("250 taken")
                case "RCPT TO" if line.partition("<")[2].partition(">")[0] in self.refusing:
                    say("550 nobody here")
                case _:
                    say("250 mailbox")
        writer.close()


@asynccontextmanager
async def mailbox() -> AsyncGenerator[Mailbox]:
    found = Mailbox()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    async with server:
        found.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield found
