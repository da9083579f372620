"""A conversation over an asyncio connection: `talk` with `await`."""

import asyncio
import time

from fastopts.net import tls
from fastopts.net.address import Address
from fastopts.net.talk import READ_SIZE, WAIT_MAX_S, Conversation

__all__ = ("talk",)


async def talk(address: Address, conversation: Conversation, timeout_s: float) -> None:
    """Hold *conversation* with the server at *address* until it is cancelled.

    Raises OSError or what the conversation raises: it is over then.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await _open(address)
    try:
        conversation.start(address.introduction())
        heard_at = time.monotonic()
        while True:
            conversation.tick(time.monotonic())
            writer.write(conversation.data_to_send())
            wait_s = conversation.next_deadline() - time.monotonic()
            data = await _read(reader, min(max(wait_s, 0.001), WAIT_MAX_S))
            now = time.monotonic()
            if data is not None:
                heard_at = now
                conversation.receive(data, now)
            elif now - heard_at > timeout_s:
                raise TimeoutError(f"no answer in {timeout_s:g} s")
    finally:
        writer.close()


async def _open(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.path is not None:
        return await asyncio.open_unix_connection(address.path)
    context = tls.context(address.host, insecure=False) if address.tls else None
    return await asyncio.open_connection(address.host, address.port, ssl=context)


async def _read(reader: asyncio.StreamReader, wait_s: float) -> bytes | None:
    """What came within *wait_s*; None: nothing."""
    try:
        async with asyncio.timeout(wait_s):
            data = await reader.read(READ_SIZE)
    except TimeoutError:
        return None
    if not data:
        raise ConnectionResetError("closed by the server")
    return data
