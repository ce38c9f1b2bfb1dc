"""A notification service on a session bus that keeps what it is to show, made with what the extra notify has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import anyio
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusDict, DBusInt32, DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

Texts = Annotated[list[str], DBusSignature("as")]
Server = Annotated[tuple[str, str, str, str], DBusSignature("ssss")]


class NotificationService(ServiceInterface):
    """`shown` has the program, the title and the text of each notification."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.shown: list[tuple[str, str, str]] = []
        self.arrived = anyio.Event()

    @dbus_method(name="Notify")
    def notify(
        self,
        app: DBusStr,
        _replaced: DBusUInt32,
        _icon: DBusStr,
        title: DBusStr,
        text: DBusStr,
        _actions: Texts,
        _hints: DBusDict,
        _milliseconds: DBusInt32,
    ) -> DBusUInt32:
        """Keep a notification."""
        self.shown.append((app, title, text))
        self.arrived.set()
        return len(self.shown)

    @dbus_method(name="GetCapabilities")
    def get_capabilities(self) -> Texts:
        """Return what most services can show."""
        return ["actions", "body", "body-markup"]

    @dbus_method(name="GetServerInformation")
    def get_server_information(self) -> Server:
        """Return the name of this service."""
        return "tests", "tests", "0", "1.2"


@asynccontextmanager
async def serve_notifications(address: str) -> AsyncIterator[NotificationService]:
    """Show the notifications of a bus."""
    bus = await MessageBus(bus_address=address).connect()
    service = NotificationService()
    bus.export("/org/freedesktop/Notifications", service)
    await bus.request_name("org.freedesktop.Notifications")
    try:
        yield service
    finally:
        bus.disconnect()
