"""Kill -9 between every two steps from a dose to the mail about it: no alert is lost, and none is told as two."""

import base64
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from domain.commands.links import Merge, Unmerge
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted
from domain.rules.document import document
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.policies import looker as looker_module
from krypton.policies import sender as sender_module
from krypton.services import policies
from krypton.settings import Settings
from krypton.views import lag
from policies.all import POLICIES
from streams.broker.topics import PARTITIONS
from tests.contract.test_notices import Endpoint
from tests.fakes.certificates import Authority
from tests.fakes.region import dose, exposure
from tests.fakes.smtp_server import MailServer
from tests.fakes.topic import records
from tests.forked import SERVER
from tests.integration.policy_world import PolicyWorld, made
from tests.waiting import WITHIN_S

pytestmark = [pytest.mark.live, pytest.mark.fault]
PERSONS, ROUNDS = 2, 60
FEW = {sender_module: 1, looker_module: 1}
STEPS = ("folded", "stored", "claimed", "executed", "noted", "settled", "delivering", "delivered")
RULES = {
    "kind": "dose-alerts",
    "version": 2,
    "in_force_from": "2026-01-01",
    "body": {"alerts": [{"name": "year", "kind": "window", "quantity": "dlp_mgycm", "threshold": 1_000, "days": 365}]},
}


class Ward:
    """Persons with a study in each of two hospitals, merged; a mail server and a webhook wait for what is told."""

    def __init__(self, world: PolicyWorld, home: Path) -> None:
        self.world, self.home = world, home
        self.mail = MailServer(Authority(home).issue("mail.essai"))
        self.hook = Endpoint()
        file = home / "mail.toml"
        people = '[to]\n"*" = ["physique@region.example"]\n'
        server = f'host = "127.0.0.1"\nport = {self.mail.port}\nfrom = "krypton@region.example"\n'
        file.write_text(f'{server}authorities = "essai.pem"\n{people}')
        file.chmod(0o600)
        world.ours = replace(world.ours, settings=self.settings())
        world.ask(PublishRules(document=document(RULES)))
        world.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2}))
        for number in range(2 * PERSONS):
            shot = exposure(f"2.25.8{number}", dlp_mgycm=600.0) | {"started_at": f"2026-01-0{number + 1}T10:00:00"}
            world.receive(number, dose(f"2.25.9{number}", shot))
        self.pairs = [self._merged(one) for one in range(0, 2 * PERSONS, 2)]

    def settings(self) -> Settings:
        key = base64.b64encode(bytes(32)).decode()
        given = Settings(self.home, database=self.world.url, test_given=True, master_key_base64=key)
        return replace(given, notices_url=self.hook.url)

    def _merged(self, number: int) -> tuple[UUID, UUID]:
        opened = [e.data for e in self.world.history(0) if e.type == "dose.opened"]
        one, other = (UUID(opened[place]["identity_id"]) for place in (number, number + 1))
        self.world.ask(Merge(one=one, other=other, reason="seen at the desk"))
        return one, other

    def types(self, what: str) -> int:
        return sum(e.type == f"dose.alert_{what}" for e in self.world.history(0))

    def told(self, ways: str) -> Counter[str]:
        """How often each notice came, by its id."""
        if ways == "mail":
            return Counter(one.removeprefix("<").partition("@")[0] for one in self.mail.ids())
        return Counter(str(json.loads(body)["id"]) for _, body in self.hook.requests)

    def entries(self, ways: str) -> set[str]:
        mails = "LIKE" if ways == "mail" else "NOT LIKE"
        return {str(i) for (i,) in self.world.outbox("id", f"kind = 'delivery' AND does {mails} 'mail\\_%'")}

    def close(self) -> None:
        self.mail.close()
        self.hook.close()


@pytest.fixture
def ward(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    world = made(installed_url, tmp_path, monkeypatch)
    ward = Ward(world, tmp_path)
    yield ward
    ward.close()
    world.close()


def engine(settings: Settings, kill_at: str, passes: int) -> None:
    """In a process of its own: the policy's processor and sender in turn, killed at a step."""
    passed: list[str] = []

    def step(name: str) -> None:
        passed.append(name)
        if passed.count(kill_at) > passes:
            os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(lag, "lacks", lambda *_: "")
    for module, few in FEW.items():
        pytest.MonkeyPatch().setattr(module, "AT_A_TIME", few)
    ours = Krypton(settings, Addresses("127.0.0.1:1", str(settings.database)))
    fold, sender = policies.store(ours, "alerts", step), policies.sender(ours, "alerts", step)
    for _ in range(ROUNDS):
        fold.apply(records(ours.ledger, POLICIES["alerts"].topics, PARTITIONS))
        step("stored")
        sender.once()


@pytest.mark.parametrize("passes", [0, 2])
@pytest.mark.parametrize("kill_at", STEPS)
def test_what_a_kill_left_untold_is_told_and_each_alert_is_one(ward: Ward, kill_at: str, passes: int) -> None:
    process = SERVER.Process(target=engine, args=(ward.settings(), kill_at, passes))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    ward.world.take_over()
    ward.world.react("alerts")
    assert ward.types("raised") == PERSONS
    assert ward.world.outbox("state", "policy = 'alerts' AND state <> 'done'") == []
    for ways in ("mail", "webhook"):
        told = ward.told(ways)
        assert (set(told), len(told)) == (ward.entries(ways), PERSONS)
        again = sum(told.values()) - PERSONS
        assert again <= (kill_at == "delivered"), "only what was taken, and not noted, comes again under its id"


def test_the_end_of_an_alert_is_told_too(ward: Ward) -> None:
    ward.world.react("alerts")
    for one, other in ward.pairs:
        ward.world.ask(Unmerge(one=one, other=other, reason="two people"))
    ward.world.react("alerts")
    assert (ward.types("raised"), ward.types("withdrawn")) == (PERSONS, PERSONS)
    assert len(ward.told("mail")) == len(ward.told("webhook")) == 2 * PERSONS
