"""Steps of features/hl7.feature."""

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.identity import Identity
from domain.commands.directory import RegisterDevice
from tests.fakes.hl7 import NIR, Answered, message, msh, pid, wired
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "hl7.feature"))

CODE = "CHB"


class Sender:
    """CHB's system: the messages it sent, and the last answer."""

    def __init__(self, world: World) -> None:
        world.enroll(CODE)
        self.world, self.site, self.application = world, world.code(CODE), world.ae_title("SIH")
        world.ask(RegisterDevice(code=self.site, ae_title=self.application, kind="gateway"))
        self._desk = wired(world.ledger)
        self.sent: list[bytes] = []
        self.head: int | None = 0
        self.answer: Answered | None = None

    def number(self, local_id: str) -> str:
        return f"{local_id}^^^{self.site}^PI"

    def person(
        self, local_id: str, name: str = "FICTIVE^MARIE^^^^^L", birth_date: str = "19500312", sex: str = ""
    ) -> str:
        return pid(name=name, f3=self.number(local_id), f7=birth_date, f8=sex)

    def says(self, event: str, *rest: str, control_id: str | None = None) -> None:
        own = control_id or f"m{len(self.sent)}"
        self.send(message(event, own, *rest, f3=self.application, f4=self.site))

    def send(self, raw: bytes) -> None:
        self.sent.append(raw)
        self.head = self.world.ledger.recorder.max_notification_id()
        self.answer = Answered(self._desk.answer(raw), "utf-8")

    def asks(self, event: str, qpd: str) -> None:
        head = msh(event, f"m{len(self.sent)}", f3=self.application, f4=self.site, f9=f"QBP^{event}^QBP_Q21")
        self.send(f"{head}\rQPD|IHE Query|t|{qpd}\rRCP|I\r".encode())

    @property
    def told(self) -> list[list[str]]:
        """The numbers of each patient in the last answer."""
        assert self.answer is not None
        pids = [each for each in self.answer.segments if each.name == "PID"]
        return [[number.part(1) for number in each.values(3)] for each in pids]

    @property
    def written(self) -> list[str]:
        """What the last message wrote."""
        found = self.world.ledger.recorder.select_notifications(self.head, 10, inclusive_of_start=False)
        return [stored.topic for stored in found]

    def identity(self, number: str) -> Identity:
        local_id, _, ordinal = number.partition("#")
        ids = self.world.ledger.ids
        found = self.world.ledger.find(Identity, Identity.create_id(ids, self.site, local_id, int(ordinal or 1)))
        assert found is not None
        self.world.identities[number] = found.id
        return found


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


@given("CHB's system is known")
def is_known(sender: Sender) -> None:
    assert sender.site


@step(parsers.re(r"it registers (?P<first>\S+) (?P<family>\S+), born (?P<birth>\d+), under number (?P<number>\d+)$"))
def registers(sender: Sender, first: str, family: str, birth: str, number: str) -> None:
    sender.says("A28", sender.person(number, f"{family.upper()}^{first.upper()}^^^^^L", birth))


@step(parsers.re(r"it corrects number (?P<number>\d+) to (?P<first>\S+) (?P<family>\S+), born (?P<birth>\d+)"))
def corrects(sender: Sender, number: str, first: str, family: str, birth: str) -> None:
    sender.says("A31", sender.person(number, f"{family.upper()}^{first.upper()}^^^^^L", birth))


@step(
    parsers.re(
        r"it (?P<what>registers|corrects) (?P<first>\S+) (?P<family>\S+), born (?P<birth>\d+),"
        r" under number (?P<number>\d+) with the matricule (?P<matricule>\d+) as (?P<status>\w+)"
    )
)
def says_matricule(
    sender: Sender, what: str, first: str, family: str, birth: str, number: str, matricule: str, status: str
) -> None:
    stated = pid(
        name=f"{family.upper()}^{first.upper()}^^^^^L",
        f3=f"{sender.number(number)}~{matricule}^^^{NIR}^INS",
        f7=birth,
        f11="^^^^^^BDL^^51215",
        f32=status,
    )
    sender.says({"registers": "A28", "corrects": "A31"}[what], stated)


@when("it sends its last message again")
def sends_again(sender: Sender) -> None:
    sender.send(sender.sent[-1])


@when("it sends another message under the id of the last one")
def same_id(sender: Sender) -> None:
    sender.says("A31", sender.person("1", sex="F"), control_id=f"m{len(sender.sent) - 1}")


@step(parsers.re(r"it keeps number (?P<kept>\d+) and gives up number (?P<gone>\d+)"))
def keeps(sender: Sender, kept: str, gone: str) -> None:
    sender.says("A40", sender.person(kept), f"MRG|{sender.number(gone)}")


@step(parsers.re(r"it (?P<what>links|unlinks) numbers (?P<one>\d+) and (?P<other>\d+)"))
def links(sender: Sender, what: str, one: str, other: str) -> None:
    sender.says({"links": "A24", "unlinks": "A37"}[what], sender.person(one), sender.person(other))


@then(parsers.re(r"it is answered (?P<verdict>A[AER])(?: at (?P<place>\S+))?"))
def is_answered(sender: Sender, verdict: str, place: str | None) -> None:
    assert sender.answer is not None
    assert sender.answer.verdict == verdict
    assert place is None or sender.answer.place == place


@then(parsers.parse('it is answered AA with a note: "{words}"'))
def is_told_all_the_same(sender: Sender, words: str) -> None:
    assert sender.answer is not None
    assert (sender.answer.verdict, sender.answer.one("ERR").value(4)) == ("AA", "I")
    assert words in sender.answer.told


@then("nothing new is in the ledger")
def nothing_new(sender: Sender) -> None:
    assert sender.world.ledger.recorder.max_notification_id() == sender.head


@then(parsers.re(r"number (?P<number>\S+) is (?P<first>\S+) (?P<family>\S+), born (?P<birth>[\d-]+)"))
def is_known_as(sender: Sender, number: str, first: str, family: str, birth: str) -> None:
    sender.identity(number)
    traits = sender.world.shown(number)["traits"]
    assert (traits["given"], traits["family"], traits["birth_date"]) == (first.upper(), family.upper(), birth)


@then(parsers.re(r"number (?P<number>\S+) is flagged (?P<flag>\w+)"))
def is_flagged(sender: Sender, number: str, flag: str) -> None:
    sender.identity(number)
    assert sender.world.shown(number)["flags"] == [flag]


@step(parsers.re(r"number (?P<number>\S+) has the status (?P<status>\w+)"))
def has_status(sender: Sender, number: str, status: str) -> None:
    sender.identity(number)
    assert sender.world.shown(number)["status"] == status


@then(parsers.re(r"numbers (?P<one>\d+) and (?P<other>\d+) are (?P<count>one person|two people)"))
def are_one(sender: Sender, one: str, other: str, count: str) -> None:
    sender.identity(one)
    assert (sender.identity(other).id in sender.world.person(one)) == (count == "one person")


@then(parsers.re(r"numbers (?P<one>\d+) and (?P<other>\d+) wait for a human"))
def wait(sender: Sender, one: str, other: str) -> None:
    pair = frozenset(str(sender.identity(number).id) for number in (one, other))
    assert pair in sender.world.views.review()


@then(parsers.re(r"number (?P<number>\d+) waits for a human"))
def waits_alone(sender: Sender, number: str) -> None:
    assert frozenset({str(sender.identity(number).id)}) in sender.world.views.review()


@when(parsers.re(r"it asks which other numbers the patient of number (?P<number>\d+) has"))
def asks_numbers(sender: Sender, number: str) -> None:
    sender.asks("Q23", sender.number(number))


@when(parsers.re(r"it asks for (?P<family>[A-Z]\S+), born (?P<birth>\d+)"))
def asks_for(sender: Sender, family: str, birth: str) -> None:
    sender.asks("Q22", f"@PID.5.1^{family}~@PID.7^{birth}")


@when("it asks for whoever is a woman")
def asks_too_little(sender: Sender) -> None:
    sender.asks("Q22", "@PID.8^F")


@given(parsers.re(r"the patient of number (?P<number>\d+) is erased"))
def is_erased(sender: Sender, number: str) -> None:
    sender.world.ledger.vault.destroy(str(sender.identity(number).id))


@then(parsers.re(r"it is told numbers? (?P<numbers>\d+(?: and \d+)?)(?: of one patient)?"))
def is_told(sender: Sender, numbers: str) -> None:
    assert sender.told == [numbers.split(" and ")]


@then("it is answered AA with nobody")
def is_told_nobody(sender: Sender) -> None:
    assert sender.answer is not None
    assert (sender.answer.verdict, sender.answer.one("QAK").value(2), sender.told) == ("AA", "NF", [])


@then("it is on record that it asked")
def is_on_record(sender: Sender) -> None:
    assert [topic for topic in sender.written if topic in ("access.viewed", "access.listed")] == sender.written
    assert len(sender.written) == 1
    assert sender.world.log()[-1].data["actor"] == f"aet:{sender.application}"
