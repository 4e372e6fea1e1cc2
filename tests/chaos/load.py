"""Load: askers of commands and a sender of images, who ask until they are answered and remember every answer."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from pydicom.dataset import Dataset

from domain.errors import NotFound, RuleBroken
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.policies.each import AWAY
from tests.chaos.families import Families
from tests.fakes.dicom import instance, part10
from tests.integration.stubborn_sender import StubbornSender

ASKERS: Final = 3
PER_SECOND: Final = 25  # commands of one asker
AGAIN_S: Final = 0.2
STUDIES: Final = "2.25.9999."
"""What the Study UIDs of images begin with; no command names one."""


class Acknowledged(NamedTuple):
    """A command that was answered: what was promised must be found."""

    command_id: UUID
    positions: tuple[int, ...]


@dataclass
class Load:
    """What was asked and answered. ``failure``: what no asker should ever see."""

    ours: Krypton
    dicom_port: int
    seed: int
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: int = 0
    images: list[str] = field(default_factory=list)  # SOP Instance UIDs that were answered with success
    failure: BaseException | None = None

    def start(self) -> None:
        """Askers and the sender, each in a thread."""
        self._threads = [
            *(threading.Thread(target=self._guarded, args=(self._ask, n)) for n in range(ASKERS)),
            threading.Thread(target=self._guarded, args=(self._send, ASKERS)),
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Ask no more; returns when the last command was answered. All must be reachable again by now."""
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: object, number: int) -> None:
        try:
            work(self.seed * 10 + number)  # type: ignore[operator]
        except BaseException as failure:  # told to the runner, which is another thread
            self.failure = failure

    def _ask(self, seed: int) -> None:
        families = Families(seed)
        while not self.stop.wait(1 / PER_SECOND):
            command, by = families.next(), Envelope()
            while True:
                try:
                    answer = self.ours.ledger.execute(command, by)
                except (RuleBroken, NotFound):
                    self.refused += 1
                except AWAY:
                    time.sleep(AGAIN_S)
                    continue
                else:
                    self.acknowledged.append(Acknowledged(by.command_id, answer.positions))
                    families.told(command, answer)
                break

    def _send(self, seed: int) -> None:
        dice, sender = random.Random(seed), StubbornSender(self.dicom_port)
        while not self.stop.wait(0.1):
            one = self._image(dice)
            sender.send([one])
            self.images.append(one.SOPInstanceUID)
            if dice.random() < 0.05:
                sender.release()
        sender.release()

    def _image(self, dice: random.Random) -> Dataset:
        study = f"{STUDIES}{dice.randrange(40) + 10}"
        one = instance(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", PatientID=f"D{study[-2:]}")
        part10(one)  # gives it the File Meta that a sender needs
        return one
