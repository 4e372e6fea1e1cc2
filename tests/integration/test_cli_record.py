"""Files taken in, the record they make, and the dose: what is printed, key by key."""

import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from domain.dose_words import NOT_STATED
from domain.work import Envelope
from krypton.devstack import samples
from tests.fakes.dicom import instance, new_uid, part10, report, write
from tests.fakes.region import dose, exposure, received
from tests.integration.live_cli import CLINICIAN, Region, region
from tests.integration.stubborn_sender import LEAVES_SOCKETS, StubbornSender
from tests.waiting import WITHIN_S, until

__all__ = ["region"]
pytestmark = pytest.mark.live
FIRST = uuid4()
AS_CLINICIAN = ("--as", f"rpps:{CLINICIAN}")
TOTALS = {"dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq"}
SIDES = {"agd_left_mgy", "agd_right_mgy"}
QUANTITIES = TOTALS | {"ctdivol_mgy"}
CASES = Path(__file__).parents[1] / "data" / "dicom_cases"
RULES = Path(__file__).parents[2] / "rules"


def receive(region: Region, study_uid: str = "", local_id: str = "", **change: Any) -> dict[str, Any]:
    """A study comes in from CHB; answers with what the ledger made of it, and its REF."""
    study_uid, local_id = study_uid or new_uid(), local_id or f"D-{uuid4().hex[:8]}"
    result = region.krypton.ledger.execute(
        received("CHB", study_uid, local_id=local_id, **change), Envelope("system:test")
    ).result
    return {**result, "study_uid": study_uid, "ref": f"CHB|{local_id}"}


def case(folder: Path, name: str) -> Path:
    """A case's file, of somebody whose name is no word of the reason for which the tests ask (X15)."""
    dataset = dcmread(CASES / f"{name}.dcm")
    dataset.PatientName = str(dataset.PatientName).replace("TEST^", "ESSAI^")
    dataset.save_as(path := folder / f"{name}.dcm")
    return path


class TestIngest:
    """A folder with all that folders hold."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Two real files, one of them twice, a report, and four that cannot be taken in."""
        folder = tmp_path_factory.mktemp("folder")
        for name in ("CT_small.dcm", "MR_small.dcm"):
            (folder / name).write_bytes(Path(str(get_testdata_file(name, download=False))).read_bytes())
        (folder / "again").mkdir()
        (folder / "again" / "CT_small.dcm").write_bytes((folder / "CT_small.dcm").read_bytes())
        write(folder / "made", [report(PatientID="ING-1", StudyInstanceUID="2.25.771", StudyDescription="Écho")])
        (folder / "letter.txt").write_text("MARKED text that is no DICOM\n" * 9)
        (folder / "half.dcm").write_bytes((folder / "MR_small.dcm").read_bytes()[:700])
        (folder / "nobody.dcm").write_bytes(part10(instance(PatientID=None, PatientName="MARKED^NAME")))
        (folder / "dots.dcm").write_bytes((CASES / "22.dcm").read_bytes())
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def summary(cls, region: Region, folder: Path) -> dict[str, Any]:
        """What the first import says."""
        answer: dict[str, Any] = region.ask("ingest", "--site", "CHB", folder, "--command-id", FIRST)
        return answer

    def test_the_document_counts_what_became_of_the_files(self, summary: dict[str, Any]) -> None:
        counts = {name: value for name, value in summary.items() if name not in ("refused", "positions")}
        told = {"files": 8, "accepted": 3, "duplicates": 1, "conflicts": 0, "studies": 3, "dose_reports": 0}
        assert counts == told

    def test_refused_files_are_named_with_the_reason_and_nothing_of_their_content(
        self, summary: dict[str, Any], folder: Path
    ) -> None:
        reasons = {Path(one["path"]).relative_to(folder).name: one["reason"] for one in summary["refused"]}
        assert reasons.keys() == {"letter.txt", "half.dcm", "nobody.dcm", "dots.dcm"}
        assert "SOPInstanceUID is not a UID" in reasons["dots.dcm"]
        assert "PatientID" in reasons["nobody.dcm"]
        assert "DICOM" in reasons["letter.txt"]
        assert "MARKED" not in str(reasons)

    def test_all_that_was_written_names_the_import_and_is_told(self, region: Region, summary: dict[str, Any]) -> None:
        region.settle()
        first = min(summary["positions"])
        found = {
            one["position"]: one for one in region.ask("events", "--from", first, "--to", max(summary["positions"]))
        }
        assert {found[position]["correlation_id"] for position in summary["positions"]} == {str(FIRST)}

    def test_the_same_import_again_answers_as_the_first_time(
        self, region: Region, folder: Path, summary: dict[str, Any]
    ) -> None:
        assert region.ask("ingest", "--site", "CHB", folder, "--command-id", FIRST) == summary

    def test_a_second_import_finds_only_duplicates(self, region: Region, folder: Path, summary: dict[str, Any]) -> None:
        again = region.ask("ingest", "--site", "CHB", folder)
        assert (again["accepted"], again["duplicates"], again["studies"]) == (0, 4, 0)
        assert len(again["refused"]) == 4

    @pytest.mark.usefixtures("summary")
    def test_the_record_shows_the_study(self, region: Region) -> None:
        region.settle()
        record = region.ask("record", "show", "CHB|ING-1")
        study = record["studies"][0]
        assert record["person"] == study["identity"]
        assert (study["study_uid"], study["site"], study["description"]) == ("2.25.771", "CHB", "Écho")
        assert (study["modalities"], study["series"], study["instances"]) == (["SR"], 1, 1)
        assert (study["date"], study["accession"]) == ("2026-01-05T10:15:00", "A-1")
        assert [(one["kind"], one["title"]) for one in study["reports"]] == [("SR", "Compte rendu d'imagerie")]

    def test_an_unknown_site_is_refused_with_the_command_that_enrolls_it(self, region: Region, folder: Path) -> None:
        said = region.complaint(1, "ingest", "--site", "NOWHERE", folder)
        assert said == ("refused: no establishment NOWHERE is enrolled: krypton site enroll NOWHERE --name … (S1)")

    def test_a_path_that_is_not_there_is_wrong_usage(self, region: Region) -> None:
        assert "does not exist" in region.complaint(2, "ingest", "--site", "CHB", "/nowhere")


@pytest.mark.filterwarnings(LEAVES_SOCKETS)
def test_each_instance_answered_is_in_the_record_once_though_the_service_is_killed(region: Region) -> None:
    """kill -9 while an association is open and nothing is recorded yet; ``krypton run`` starts it again."""
    local_id, study_uid, sender = f"KILL-{uuid4().hex[:8]}", new_uid(), StubbornSender(region.dicom_port)
    datasets = [instance(PatientID=local_id, StudyInstanceUID=study_uid) for _ in range(12)]
    for dataset in datasets:
        part10(dataset)  # gives it a File Meta, which the sender asks for
    sender.send(datasets[:5])
    killed = region.dicom_service()
    killed.kill()
    killed.wait(WITHIN_S)
    sender.send(datasets[5:])
    sender.release()
    gc.collect()  # here, where the warning is expected
    assert sender.answered == len(datasets)

    def recorded() -> list[int]:
        found = region.run("record", "show", f"CHB|{local_id}", "--json")
        return [study["instances"] for study in json.loads(found.out)["studies"]] if found.code == 0 else []

    until(lambda: sum(recorded()) >= len(datasets), "all that was answered in the record")
    region.settle()
    assert recorded() == [len(datasets)]


def offered(region: Region, ref: str, *who: str) -> list[str]:
    """What a clerk is to type, as ``record show`` tells it."""

    def told() -> list[str]:
        said = region.run("record", "show", ref, *who)
        return [line for line in said.out.splitlines() if line.startswith("krypton identity review ")]

    until(lambda: len(told()) == 1, "the pair is offered")
    return told()[0].split()[1:]


class TestRecord:
    """The record follows the person, and what is said of a study."""

    def test_a_merge_joins_the_records_and_moves_nothing(self, region: Region) -> None:
        one, other = receive(region), receive(region)
        region.ask("identity", "merge", one["ref"], other["ref"], "--reason", "same papers")
        region.settle()
        record = region.ask("record", "show", one["ref"])
        assert record.keys() >= {"person", "members", "studies", "orders"}
        assert {s["study_uid"]: s["identity"] for s in record["studies"]} == {
            one["study_uid"]: one["identity"],
            other["study_uid"]: other["identity"],
        }

    def test_a_study_reassigned_goes_with_its_dose_to_the_other(self, region: Region) -> None:
        right = region.register()
        wrong = receive(region, doses=(dose(new_uid(), exposure(new_uid(), dlp_mgycm=7.0)),))
        region.ask("study", "reassign", wrong["study"], "--to", right, "--reason", "wrong label")
        region.settle()
        assert region.ask("record", "show", wrong["ref"])["studies"] == []
        assert [s["study"] for s in region.ask("record", "show", right)["studies"]] == [wrong["study"]]
        assert region.ask("dose", "show", right)["totals"]["dlp_mgycm"] == 7.0
        assert region.ask("dose", "show", wrong["ref"])["exposures"] == []

    def test_a_withdrawn_study_is_shown_no_more_and_counted(self, region: Region) -> None:
        study = receive(region)
        region.ask("study", "withdraw", study["study"], "--reason", "made of a phantom")
        region.settle()
        record = region.ask("record", "show", study["ref"])
        assert (record["studies"], record["withdrawn"]) == ([], 1)
        said = region.complaint(1, "study", "withdraw", study["study"], "--reason", "again")
        assert said.endswith("was withdrawn: see its history (S3)")

    def test_a_study_that_is_not_there_is_not_found(self, region: Region) -> None:
        nowhere = uuid4()
        said = region.complaint(3, "study", "withdraw", nowhere, "--reason", "x")
        assert said == f"not found: study {nowhere} is not in the ledger"

    def test_two_patient_ids_with_one_study_uid_are_offered_for_review(self, region: Region, tmp_path: Path) -> None:
        """Whoever reads either record is told what a clerk types; typing it makes one person of the two."""
        ids = [f"S-{uuid4().hex[:8]}" for _ in range(2)]
        study_uid, refs = new_uid(), [f"CHB|{local_id}" for local_id in ids]
        write(tmp_path, [instance(PatientID=local_id, StudyInstanceUID=study_uid) for local_id in ids])
        region.ask("ingest", "--site", "CHB", tmp_path)
        region.settle()
        for ref in refs:
            region.ask("access", "open", ref, *AS_CLINICIAN, "--reason", "follow-up")
        one, other = (offered(region, ref, *AS_CLINICIAN) for ref in refs)
        assert one == other
        listed = region.run(*one)
        (pair,) = region.ask(*one)
        sides = [side["identity"] for side in pair["identities"]]
        assert {side["local_id"] for side in pair["identities"]} == {*ids}
        assert [side for side in sides if side not in listed.out.split()] == []
        assert "krypton identity review accept PAIR --reason" in listed.err
        region.ask("identity", "review", "accept", *sides, "--reason", "same papers")
        region.settle()
        joined = region.ask("record", "show", refs[0], *AS_CLINICIAN)
        assert [study["study_uid"] for study in joined["studies"]] == [study_uid] * 2
        assert joined["to_review"] == []

    def test_two_issuers_with_one_study_uid_are_offered_to_the_patient_too(
        self, region: Region, tmp_path: Path
    ) -> None:
        """Without a word of the other one; dismissed, the pair is offered no more."""
        local_id, study_uid = f"S-{uuid4().hex[:8]}", new_uid()
        refs = [f"CHB|{local_id}", f"CHP|{local_id}"]
        issued = [{}, {"IssuerOfPatientID": "CHP"}]
        write(tmp_path, [instance(PatientID=local_id, StudyInstanceUID=study_uid, **issuer) for issuer in issued])
        region.ask("ingest", "--site", "CHB", tmp_path)
        typed = [offered(region, ref, "--as", "patient") for ref in refs]
        assert typed == [["identity", "review", "list"]] * 2
        (pair,) = (p for p in region.ask(*typed[0]) if {side["local_id"] for side in p["identities"]} == {local_id})
        assert {side["assigner"] for side in pair["identities"]} == {"CHB", "CHP"}
        sides = [side["identity"] for side in pair["identities"]]
        region.ask("identity", "review", "dismiss", *sides, "--reason", "twins")
        region.settle()
        assert region.ask("record", "show", refs[0])["to_review"] == []

    def test_a_table_is_shown_without_json(self, region: Region) -> None:
        study = receive(region)
        region.settle()
        assert "an exam" in region.show("record", "show", study["ref"])


class TestConflicts:
    """What comes in again and says otherwise: listed for people, and settled by them."""

    def conflict(self, region: Region, folder: Path, number: str) -> dict[str, Any]:
        """The one that the two files of a case make."""
        for name in (number, f"{number}b"):
            region.ask("ingest", "--site", "CHB", case(folder, name))
        region.settle()
        (found,) = self.found(region, number)
        assert found["conflict"] in region.show("study", "conflicts", "list").split()
        return found

    def found(self, region: Region, number: str, *more: str) -> list[dict[str, Any]]:
        listed = region.ask("study", "conflicts", "list", *more)
        return [one for one in listed if one["uid"].startswith(f"2.25.777.{number}.")]

    def test_another_patient_is_accepted_and_the_study_goes_with_its_dose(self, region: Region, tmp_path: Path) -> None:
        conflict = self.conflict(region, tmp_path, "84")
        assert (conflict["kind"], conflict["sent_as"]["local_id"]) == ("patient", "B84RIGHT")
        region.ask("study", "conflicts", "accept", conflict["conflict"], "--reason", "wrong worklist")
        region.settle()
        dlp = [region.ask("dose", "show", f"CHB|{who}")["totals"]["dlp_mgycm"] for who in ("B84WRONG", "B84RIGHT")]
        assert (dlp, self.found(region, "84")) == ([None, 100.0], [])
        assert [one["state"] for one in self.found(region, "84", "--all")] == ["accepted"]

    def test_another_series_is_dismissed_and_the_first_stands(self, region: Region, tmp_path: Path) -> None:
        conflict = self.conflict(region, tmp_path, "36")
        assert conflict["kind"] == "series"
        region.ask("study", "conflicts", "dismiss", conflict["conflict"], "--reason", "sent twice")
        region.settle()
        assert self.found(region, "36") == []
        assert [study["instances"] for study in region.ask("record", "show", "CHB|B36")["studies"]] == [1]


class TestDose:
    """Each irradiation event once; unknown is never zero; alerts."""

    def test_the_document_has_the_keys_that_programs_rely_on(self, region: Region) -> None:
        uid = new_uid()
        study = receive(region, doses=(dose(new_uid(), exposure(uid, ctdivol_mgy=3.5, dlp_mgycm=40.0)),))
        region.settle()
        shown = region.ask("dose", "show", study["ref"])
        assert shown.keys() >= {"person", "members", "totals", "exposures", "alerts"}
        assert shown["totals"] == dict.fromkeys(TOTALS | SIDES) | {"dlp_mgycm": 40.0}
        (one,) = shown["exposures"]
        assert one.keys() >= QUANTITIES | {"study_uid", "identity", "started_at", "modality", "protocol"}
        assert (one["irradiation_event_uid"], one["study_uid"]) == (uid, study["study_uid"])
        assert (one["ctdivol_mgy"], one["dap_mgycm2"]) == (3.5, None)

    def test_a_value_is_shown_beside_the_level_of_its_day_and_of_today(self, region: Region) -> None:
        """DRL case 1: chest PA, 220 mGy·cm² in 2015, when 250 was the level; it is 200 now."""
        for name in ("dose-acts-1", "reference-levels-2011", "reference-levels-2019"):
            region.ask("rules", "publish", str(RULES / f"{name}.toml"))
        shots = [
            {**exposure(new_uid(), dap_mgycm2=220.0), **told, "modality": "DX", "started_at": "2015-03-01T10:00:00"}
            for told in ({"protocol": "Thorax PA"}, {"protocol": "Thorax face"})
        ]
        patient = {"age_days": 14_000.0, "weight_kg": None, "size_cm": None, "pregnant": None}
        study = receive(region, doses=(replace(dose(new_uid(), *shots), said={**NOT_STATED, "patient": patient}),))
        region.settle()
        found = {one["protocol"]: one for one in region.ask("dose", "show", study["ref"])["exposures"]}
        (told,) = found["Thorax PA"]["levels"]
        assert [(told[side]["nrd"], told[side]["over"]) for side in ("at_exam", "now")] == [
            (250.0, False),
            (200.0, True),
        ]
        assert (found["Thorax face"]["levels"], found["Thorax face"]["not_compared"]) == ([], "unmapped")
        lines = region.show("dose", "show", study["ref"])
        assert "Reference levels (NRD)" in lines
        assert "Compared with no reference level" in lines

    def test_an_event_in_two_reports_of_two_sites_counts_once_for_one_person(self, region: Region) -> None:
        shared = exposure(new_uid(), dlp_mgycm=10.0)
        one = receive(region, doses=(dose(new_uid(), shared),))
        other = receive(region, doses=(dose(new_uid(), shared, exposure(new_uid(), dlp_mgycm=5.0)),))
        region.ask("identity", "merge", one["ref"], other["ref"], "--reason", "same papers")
        region.settle()
        assert region.ask("dose", "show", one["ref"])["totals"]["dlp_mgycm"] == 15.0
        region.ask("identity", "unmerge", one["ref"], other["ref"], "--reason", "twins")
        region.settle()
        assert region.ask("dose", "show", one["ref"])["totals"]["dlp_mgycm"] == 10.0

    def test_what_is_not_known_is_a_dash_and_not_zero(self, region: Region) -> None:
        study = receive(region, doses=(dose(new_uid(), exposure(new_uid(), dlp_mgycm=0.0)),))
        region.settle()
        lines = region.show("dose", "show", study["ref"]).splitlines()
        assert next(line.split() for line in lines if "DAP" in line) == ["DAP", "mGy·cm²", "–"]
        assert next(line.split() for line in lines if "DLP" in line) == ["DLP", "mGy·cm", "0"]

    def test_a_dose_report_that_is_not_understood_is_named_wherever_the_dose_is_looked_for(
        self, region: Region, tmp_path: Path
    ) -> None:
        """Nobody takes its study for one without dose."""
        region.ask("ingest", "--site", "CHB", case(tmp_path, "03"))
        region.settle()
        for words in ("dose show CHB|B3", "record show CHB|B3", "dose reports"):
            assert "2.25.777.3.1" in region.show(*words.split()).split()

    def test_a_stored_report_is_read_again_and_what_it_states_now_counts(self, region: Region, tmp_path: Path) -> None:
        """The file is changed where it is kept: as if the program had misread it when it came."""
        (path,) = (one for one in samples.write(tmp_path) if one.match("chu-bdx/anne-ct/dose.dcm"))
        sent = dcmread(path)
        sent.PatientID, sent.PatientName = "REREAD", "ESSAI^RELU"
        sent.save_as(path)
        region.ask("ingest", "--site", "CHB", path)
        region.settle()
        asked = ("dose", "reread", "--report", sent.SOPInstanceUID)
        assert [region.ask(*asked)[name] for name in ("read", "same", "changed")] == [1, 1, []]
        (kept,) = region.home.glob(f"**/{sent.SOPInstanceUID}")
        kept.chmod(0o600)
        kept.write_bytes(kept.read_bytes().replace(b"620.0", b"310.0"))
        (changed,) = region.ask(*asked)["changed"]
        named = ["warnings", "dlp_mgycm of 1 exposures", "raw of 1 exposures"]  # it adds up to its total no more
        assert (changed["changes"], changed["written"]) == (named, False)
        assert region.ask("dose", "show", "CHB|REREAD")["totals"]["dlp_mgycm"] == 921.5
        region.ask(*asked, "--write")
        region.settle()
        assert region.ask("dose", "show", "CHB|REREAD")["totals"]["dlp_mgycm"] == 611.5
        assert [region.ask(*asked, "--write")[name] for name in ("read", "same", "positions")] == [1, 1, []]

    def test_an_alert_is_listed_until_somebody_acknowledges_it(self, region: Region) -> None:
        study = receive(region, doses=(dose(new_uid(), exposure(new_uid(), dose_rp_mgy=2500.0)),))
        region.settle()
        alert = next(a for a in region.ask("dose", "alerts", *AS_CLINICIAN) if a["study"] == study["study"])
        assert (alert["kind"], alert["value"], alert["threshold"]) == ("dose_rp_mgy_over", 2500.0, 2000.0)
        assert (alert["site"], alert["identity"], alert["acknowledged_at"]) == ("CHB", study["identity"], None)
        region.ask("dose", "acknowledge", alert["alert"], "--note", "skin looked at", "--as", f"rpps:{CLINICIAN}")
        region.settle()
        assert alert["alert"] not in [a["alert"] for a in region.ask("dose", "alerts", *AS_CLINICIAN, "--site", "CHB")]
        seen = next(a for a in region.ask("dose", "alerts", *AS_CLINICIAN, "--all") if a["alert"] == alert["alert"])
        assert (seen["note"], seen["acknowledged_by"]) == ("skin looked at", f"rpps:{CLINICIAN}")
        assert seen.pop("seen") == "whole"  # the care team's (X18)
        told = {name: seen.pop(name) for name in ("person_then", "person_now", "since_then")}
        assert told == {"person_then": study["identity"], "person_now": study["identity"], "since_then": []}
        assert region.ask("dose", "show", study["ref"])["alerts"] == [seen]
        said = region.complaint(
            1, "dose", "acknowledge", alert["alert"], "--note", "again", "--as", f"rpps:{CLINICIAN}"
        )
        assert said.endswith("see krypton dose alerts (D3)")

    def test_an_alert_that_is_not_there_is_not_found(self, region: Region) -> None:
        nowhere = UUID(int=7)
        said = region.complaint(3, "dose", "acknowledge", nowhere, "--note", "x", "--as", f"rpps:{CLINICIAN}")
        assert said == f"not found: no alert {nowhere}: see krypton dose alerts --all"
