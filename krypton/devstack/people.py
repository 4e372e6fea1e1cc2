"""People who do not exist, for the local provider of sign-in: test numbers, and what Pro Santé Connect tells."""

from typing import Any, Final

KINDS: Final = {"psc": "professionals", "ins": "patients", "staff": "staff"}
"""The clients of the provider, and the kind of people that each signs in."""
CHB, CHD = "330000001", "400000002"
"""FINESS numbers: enroll establishments with these, to act from them."""
MATRICULE: Final = "270019999900123"


def _work(finess: str, name: str, sector: str = "SA01") -> dict[str, str]:
    return {"codeSecteurDactivite": sector, "numeroFinessSite": finess, "raisonSocialeSite": name}


def _professional(rpps: str, name: str, *activities: dict[str, str]) -> dict[str, Any]:
    """In the shape of Pro Santé Connect: the number by introspection, exercises and activities by userinfo."""
    exercise = {
        "codeProfession": "10",
        "codeCategorieProfessionnelle": "C",
        "codeSavoirFaire": "SM44",
        "activities": [*activities],
    }
    return {
        "id": f"f:development:8{rpps}",
        "name": f"{name} (RPPS {rpps})",
        "told": {"SubjectNameID": f"8{rpps}", "preferred_username": f"8{rpps}"},
        "shown": {
            "preferred_username": f"8{rpps}",
            "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
            "SubjectRefPro": {"codeCivilite": "M", "exercices": [exercise]},
            "otherIds": [{"identifiant": f"8{rpps}", "origine": "RPPS", "qualite": 1}],
        },
    }


PEOPLE: Final[list[dict[str, Any]]] = [
    _professional(
        "10101201233",
        "Dr Fictif, radiologist of two hospitals",
        _work(CHB, "CH fictif de la Côte"),
        _work(CHD, "CH fictif des Dunes"),
    ),
    _professional("10101205671", "Dr Essai, physician of one hospital", _work(CHB, "CH fictif de la Côte")),
    {"id": "patient-essai", "name": "A patient", "told": {}, "shown": {"ins": MATRICULE}},
    {"id": "staff-essai", "name": "An auditor, operator and clerk", "told": {}, "shown": {}},
]
ROLES: Final = {"staff-essai": ["auditor:dev", "operator:dev", "clerk:dev"]}
"""Roles of staff, by the provider's name for them."""
