"""Browsers sign in: what they are sent away with and come back with, what they choose, and how they are signed out."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.oidc.asking import Refused
from adapters.oidc.introspection import ProviderAway
from adapters.oidc.tokens import EndedThere, NotGood
from krypton.faces.http.declared import DeclaredRoute
from krypton.faces.http.limits import Limits
from krypton.faces.signin.addresses import local
from krypton.queries.gate import KEPT_REASON
from tests.fakes.browsers import BEGUN, FORM, MATRICULE, ORIGIN, PAGE, PATIENT, SESSION, World, browsing
from tests.fakes.openid import CHB, CHD, ISSUER, RPPS, Given, Who, activity, id_claims, shown
from tests.fakes.web import PERSON, RECORD, SIGNED, Queries, named_in

STAFF = {"f:essai:8" + RPPS: ("auditor:dpo", "operator:night", "rpps:10101205671", "no role")}


@pytest.fixture
def world(tmp_path: Path, queries: Queries) -> Iterator[World]:
    with browsing(tmp_path, people=STAFF) as made:
        yield made


def two_places() -> Who:
    return Who(shown=shown(activity(CHB[0], CHB[2]), activity(CHD[0], CHD[2]), activity("999999999", "Elsewhere")))


def test_who_signs_in_goes_on_to_where_they_wanted_and_is_asked_about_under_their_number_and_place(
    world: World, queries: Queries
) -> None:
    answer = world.sign_in(next="/studies/7?tab=dose")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies/7?tab=dose")
    assert (
        world.client.get(RECORD, headers={"Krypton-Reason": "care", "Sec-Fetch-Site": "same-origin"}).status_code == 200
    )
    ((_, caller, _),) = queries.asked
    assert (caller.actor, caller.site, caller.reason) == (f"rpps:{RPPS}", "CHB", "care")


def test_the_start_page_says_as_whom_one_is_signed_in_and_where_studies_open(world: World) -> None:
    world.sign_in()
    text = world.client.get("/", headers=PAGE).text
    assert f"rpps:{RPPS}" in text
    assert f"{CHB[2]} (CHB)" in text
    assert "/studies/" in text


def test_each_sign_in_has_its_own_state_nonce_and_verifier_and_the_code_is_exchanged_with_them(world: World) -> None:
    world.sign_in()
    world.sign_in()
    first, second = world.providers["psc"].begun
    assert not {*first.values()} & {*second.values()}
    assert len({*first.values()}) == 3
    assert world.providers["psc"].codes == [
        ("fictitious-code", one["nonce"], one["verifier"]) for one in (first, second)
    ]


def test_cookies_are_of_this_host_alone_and_for_no_script(world: World) -> None:
    began = world.client.get("/sign-in/psc", headers=PAGE, follow_redirects=False)
    set_there = began.headers.get_list("set-cookie")
    state = world.providers["psc"].begun[-1]["state"]
    set_there += world.back(state=state, code="c").headers.get_list("set-cookie")
    assert [one.split("=")[0] for one in set_there] == [BEGUN, SESSION, BEGUN]
    for one in set_there:
        flags = {flag.strip() for flag in one.split(";")[1:]}
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= flags
        assert not [flag for flag in flags if flag.startswith("Domain")]
    assert world.providers["psc"].begun[-1]["verifier"] not in set_there[0]
    assert len(world.cookie()) == 43


def test_who_works_in_several_places_chooses_one_under_a_new_id_and_not_one_that_is_no_member(
    world: World, queries: Queries
) -> None:
    world.providers["psc"].who = two_places()
    assert world.sign_in(next="/after").headers["location"] == "/sign-in/choose"
    before = world.cookie()
    assert world.client.get(RECORD, headers={"Krypton-Reason": "care"}).status_code == 401
    page = world.client.get("/sign-in/choose", headers=PAGE).text
    assert CHB[2] in page
    assert CHD[2] in page
    assert "Elsewhere" not in page
    assert world.form in page
    answer = world.post("/sign-in/choose", {"which": "1", "form": world.form})
    assert (answer.status_code, answer.headers["location"]) == (303, "/after")
    assert world.cookie() != before
    assert before not in world.sessions.held
    world.client.get(RECORD, headers={"Krypton-Reason": "care"})
    assert queries.asked[-1][1].site == "CHD"
    again = world.post("/sign-in/choose", {"which": "0", "form": world.form})
    assert again.status_code == 409


@pytest.mark.parametrize("which", ["2", "-1", "", "x", "１", "9" * 30])
def test_nothing_else_can_be_chosen(world: World, which: str) -> None:
    world.providers["psc"].who = two_places()
    world.sign_in()
    assert world.post("/sign-in/choose", {"which": which, "form": world.form}).status_code == 409


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"told": {}}, "no RPPS number"),
        ({"told": {"SubjectNameID": RPPS}}, "no RPPS number"),
        ({"told": {}, "shown": {"SubjectNameID": f"8{RPPS}"}}, "no RPPS number"),
        ({"shown": shown()}, "takes part"),
        ({"shown": shown(activity("999999999", "x"))}, "takes part"),
        (
            {"shown": {"SubjectRefPro": {"exercices": [None, {"activities": "x"}, {"activities": [7, {}]}]}}},
            "takes part",
        ),
    ],
)
def test_who_may_do_nothing_here_is_told_so_and_is_not_signed_in(world: World, changed: Any, says: str) -> None:
    world.providers["psc"].who = Who(**changed)
    answer = world.sign_in()
    assert answer.status_code == 403
    assert says in answer.text
    assert world.cookie() == ""


def test_a_patient_asks_for_themself_and_one_whom_nobody_knows_for_nobody(world: World, queries: Queries) -> None:
    world.providers["ins"].who = Who(told={"ins": "999"})
    assert "record here carries" in world.sign_in("ins").text
    world.providers["ins"].who = Who(told={"ins": MATRICULE})
    assert world.sign_in("ins").status_code == 303
    world.client.get(RECORD, headers={"Krypton-Reason": "mine"})
    assert queries.asked[-1][1].actor == f"patient:{PATIENT}"


def test_a_patient_is_asked_why_as_themself_and_a_professional_as_who_treats_them(world: World) -> None:
    world.providers["ins"].who = Who(told={"ins": MATRICULE})
    world.sign_in("ins")
    page = world.client.get(f"/why/{PATIENT}", headers=PAGE).text
    assert "Why do you look at your record?" in page
    assert "To look at my own record" in page
    assert "Care of the patient" not in page
    world.sign_in()
    page = world.client.get(f"/why/{PATIENT}", headers=PAGE).text
    assert "Why do you ask about this patient?" in page
    assert "Care of the patient" in page


def test_staff_have_the_roles_of_the_file_and_no_role_of_care(world: World) -> None:
    world.sign_in("staff")
    page = world.client.get("/sign-in/choose", headers=PAGE).text
    assert "auditor:dpo" in page
    assert "operator:night" in page
    assert "rpps:" not in page
    world.providers["staff"].who = Who(claims=id_claims(1, sub="another"))
    assert "no role here" in world.sign_in("staff").text


def test_an_answer_of_the_provider_is_good_in_the_browser_that_asked_and_once(world: World) -> None:
    state = world.begin()
    kept = world.cookie(BEGUN)
    for told in ({"state": "other"}, {"state": ""}, {}):
        assert world.back(code="c", **told).status_code == 403
        world.client.cookies.set(BEGUN, kept, domain="krypton.example", path="/")
    world.client.cookies.delete(BEGUN)
    assert "began no sign-in" in world.back(state=state, code="c").text  # another browser: login CSRF
    world.client.cookies.set(BEGUN, kept, domain="krypton.example", path="/")
    assert world.back("staff", state=state, code="c").status_code == 403  # another provider
    world.client.cookies.set(BEGUN, kept, domain="krypton.example", path="/")
    assert world.providers["psc"].codes == []
    assert world.back(state=state, code="c").status_code == 303
    assert world.back(state=state, code="c").status_code == 403


def test_a_sign_in_that_takes_too_long_or_was_altered_is_begun_again(world: World) -> None:
    state = world.begin()
    world.time[0] += 601
    assert "too long ago" in world.back(state=state, code="c").text
    state = world.begin()
    held = world.cookie(BEGUN)
    world.client.cookies.set(
        BEGUN, held[:-2] + ("AA" if held[-2:] != "AA" else "BB"), domain="krypton.example", path="/"
    )
    assert world.back(state=state, code="c").status_code == 403


def test_what_a_provider_says_wrongly_signs_nobody_in(world: World) -> None:
    world.providers["psc"].who = NotGood("its level of sign-in is not enough")
    assert world.sign_in().status_code == 403
    assert world.back(state=world.begin(), error="access_denied").status_code == 403
    assert world.back(state=world.begin(), code="c", iss="https://other.example").status_code == 403
    assert world.cookie() == ""


def test_to_sign_in_again_ends_what_this_browser_was_before(world: World) -> None:
    world.sign_in()
    before = world.cookie()
    world.sign_in()
    assert before not in world.sessions.held
    assert world.cookie() in world.sessions.held


def test_signing_out_ends_the_session_here_and_at_the_provider(world: World) -> None:
    world.sign_in()
    held = world.cookie()
    page = world.client.get("/sign-out", headers=PAGE)
    assert page.headers["content-security-policy"].endswith(f"form-action 'self' {ISSUER}")
    answer = world.post("/sign-out", {"form": world.form})
    assert answer.headers["location"].startswith(f"{ISSUER}/leave?id_token_hint=fictitious-id-token")
    assert answer.headers["location"].endswith(f"{ORIGIN}/signed-out")
    assert world.sessions.held == {}
    world.client.cookies.set(SESSION, held, domain="krypton.example", path="/")
    assert world.client.get(RECORD, headers={"Krypton-Reason": "care"}).status_code == 401


@pytest.mark.parametrize("fields", [{}, {"form": ""}, {"form": "x" * 43}])
def test_a_form_without_its_token_does_nothing(world: World, fields: dict[str, str]) -> None:
    world.sign_in()
    for path in ("/sign-out", f"/why/{PERSON}", "/sign-in/choose"):
        assert world.post(path, {"reason": "care", "which": "0", **fields}).status_code == 403
    assert len(world.sessions.held) == 1
    assert world.sessions.reasons == {}


def test_the_provider_ends_sessions_by_a_token_that_is_good_and_new(world: World) -> None:
    world.sign_in()
    asked = world.providers["psc"]
    world.client.cookies.clear()  # the provider has none
    assert world.client.post("/sign-in/psc/ended", data={"logout_token": "x"}).status_code == 400
    asked.logout = EndedThere("one", 4e9, "f:essai:8" + RPPS, None)
    assert world.client.post("/sign-in/psc/ended", data={"logout_token": "x"}).status_code == 200
    assert world.sessions.held == {}
    assert world.client.post("/sign-in/psc/ended", data={"logout_token": "x"}).status_code == 400  # used before
    assert world.client.post("/sign-in/psc/ended", data={}).status_code == 400
    assert world.client.post("/sign-in/nobody/ended", data={"logout_token": "x"}).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "//other.example",
        "https://other.example/",
        "/\\other.example",
        "\\\\other.example",
        "javascript:alert(1)",
        "/a\nLocation: x",
        "other",
        "",
        "/é",
        "///other.example",
        "//[",
        "https://[other.example",
        "//[::1]:x@/",
        "/a" * 800,
        "/\t/other.example",
    ],
)
def test_nobody_is_sent_to_another_site(world: World, address: str) -> None:
    assert local(address) == "/"
    assert world.sign_in(next=address).headers["location"] == "/"
    answer = world.post(f"/why/{PERSON}", {"form": world.form, "reason": "care", "next": address})
    assert answer.headers["location"] == "/"


SLOW = Limits(rate=0.06)  # an address may ask once in two seconds


def test_who_shows_what_is_not_good_again_and_again_is_slowed_down(tmp_path: Path, queries: Queries) -> None:
    with browsing(tmp_path, limits=SLOW) as world:
        statuses = [world.back(state="x", code="c").status_code for _ in range(30)]
        assert statuses[0] == 403
        assert 429 in statuses
    with browsing(tmp_path, limits=SLOW) as world:
        assert world.client.post("/sign-in/psc/ended", data={"logout_token": "x"}).status_code == 400
        assert 429 in [world.client.post("/sign-in/psc/ended", data={"a": "x"}).status_code for _ in range(30)]


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(world: World) -> None:
    answer = world.client.get(f"{RECORD}?a=1", headers=PAGE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/sign-in?next={RECORD.replace('/', '%2F')}%3Fa%3D1",
    )
    assert world.client.get(RECORD, follow_redirects=False).status_code == 401  # a program


def test_a_reason_is_kept_for_the_person_whom_it_was_given_for(world: World) -> None:
    world.sign_in()
    assert world.client.get(f"/why/{PERSON}", headers=PAGE).status_code == 200
    for nothing in ("", "  ", "...", "x\ny", "x" * 1_001):
        assert world.post(f"/why/{PERSON}", {"form": world.form, "reason": nothing}).status_code == 422
    answer = world.post(f"/why/{PERSON}", {"form": world.form, "reason": " contrôle ", "next": RECORD})
    assert (answer.status_code, answer.headers["location"]) == (303, RECORD)
    assert [*world.sessions.reasons.values()] == ["contrôle"]


def test_pages_show_nothing_that_runs_and_are_in_no_frame(world: World) -> None:
    for path in ("/sign-in", "/signed-out"):
        answer = world.client.get(path, headers=PAGE)
        assert "<script" not in answer.text
        assert "style=" not in answer.text
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
    assert world.client.get("/pages/style.css").headers["content-type"].startswith("text/css")


OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://other.example"},
    {"Origin": "null"},
    {"Origin": "http://krypton.example"},
    {"Origin": "https://krypton.example:8443"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://other.example"},
    {},
]


@pytest.mark.parametrize("headers", OTHER_SITES, ids=range(len(OTHER_SITES)))
def test_another_site_changes_nothing_under_a_browsers_cookie(world: World, headers: dict[str, str]) -> None:
    world.sign_in()
    for path in ("/sign-out", f"/why/{PERSON}", "/api/people/record"):
        answer = world.client.post(path, data={"form": world.form, "reason": "care"}, headers=headers)
        assert answer.status_code == 403
    assert len(world.sessions.held) == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_loads_nothing_of_a_patient_and_asks_nothing_under_a_name(
    world: World, queries: Queries, site: str
) -> None:
    world.sign_in()
    for mode in ("no-cors", "cors", "websocket"):
        headers = {"Krypton-Reason": "x", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        assert world.client.get(RECORD, headers=headers).status_code == 403
    for within in ("iframe", "frame", "embed", "object"):
        headers = {**PAGE, "Krypton-Reason": "x", "Sec-Fetch-Site": site, "Sec-Fetch-Dest": within}
        assert world.client.get(RECORD, headers=headers).status_code == 403
    assert queries.asked == []
    followed = {**PAGE, "Sec-Fetch-Site": site, "Krypton-Reason": "x"}
    for dest in ({}, {"Sec-Fetch-Dest": "document"}):
        assert world.client.get(RECORD, headers=followed | dest).status_code == 200  # a link in the RIS


def test_own_pages_ask_as_they_like(world: World) -> None:
    world.sign_in()
    form = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}  # of a page without a referrer, in Chromium
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": ORIGIN}, form):
        assert (
            world.client.post("/api/people/record", json={"person": PERSON}, headers=headers | SIGNED).status_code
            == 200
        )


@pytest.mark.parametrize("host", ["other.example", "krypton.example:8443", "krypton.example.other.example", ""])
def test_a_browser_is_answered_under_the_public_name_alone(world: World, host: str) -> None:
    for path in ("/sign-in", RECORD):
        assert world.client.get(path, headers={"Host": host}).status_code == 421
    world.sign_in()
    assert world.client.get(RECORD, headers={**SIGNED, "Host": host}).status_code == 421


def test_programs_and_load_balancers_may_use_another_name(world: World) -> None:
    assert world.client.get("/health", headers={"Host": "10.0.0.7"}).status_code == 200
    assert world.client.get(RECORD, headers={**SIGNED, "Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize(
    "cookie", [f"{SESSION}=" + "x" * 43, f"{SESSION}=", f"{SESSION}=a; {SESSION}=b", f"{SESSION}=é"]
)
def test_a_cookie_that_is_no_session_lets_nobody_in(world: World, queries: Queries, cookie: str) -> None:
    headers = [(b"Cookie", cookie.encode()), (b"Krypton-Reason", b"x")]
    assert world.client.get(RECORD, headers=headers).status_code == 401
    assert queries.asked == []


def test_what_is_wrong_is_a_page_for_who_goes_there(world: World) -> None:
    world.sign_in()
    answer = world.client.get("/nowhere", headers=PAGE)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert world.client.get("/nowhere").headers["content-type"] == "application/problem+json"
    assert world.client.get("/", headers=FORM).status_code == 200


def test_every_route_is_declared_says_why_it_is_open_and_is_in_the_page_for_callers(world: World) -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    for route in world.web.router.routes:
        assert isinstance(route, DeclaredRoute)
        one: Any = route.endpoint
        assert one.task or one.why_open
        assert named_in(page, one), one.path


def asked_again(world: World) -> int:
    """The status of a question, once it is time to ask the provider."""
    world.sessions.due = True
    return int(world.client.get(RECORD, headers={"Krypton-Reason": "care"}).status_code)


def test_the_provider_is_asked_now_and_then_whether_its_session_goes_on_and_gives_tokens_anew(world: World) -> None:
    world.sign_in()
    assert world.client.get(RECORD, headers={"Krypton-Reason": "care"}).status_code == 200
    assert world.providers["psc"].renewals == []
    assert asked_again(world) == 200
    assert asked_again(world) == 200
    assert world.providers["psc"].renewals == ["fictitious-refresh", "second-refresh"]
    (session,) = world.sessions.held.values()
    assert session.kept["tokens"] == {
        "access": "second-access",
        "refresh": "second-refresh",
        "id_token": "fictitious-id-token",  # the one that was verified
        "until": 4e9,
    }


def test_a_session_ends_where_the_provider_holds_its_own_to_be_over(world: World) -> None:
    world.sign_in()
    world.providers["psc"].renewal = Refused("over")
    assert asked_again(world) == 401
    assert world.sessions.held == {}


def test_a_session_goes_on_where_the_provider_does_not_answer_or_gives_nothing_to_ask_with(world: World) -> None:
    world.sign_in()
    world.providers["psc"].renewal = ProviderAway("away")
    assert asked_again(world) == 200
    world.providers["psc"].who = Who(tokens=Given(refresh=None))
    world.sign_in()
    assert asked_again(world) == 200
    assert len(world.providers["psc"].renewals) == 1


def test_a_session_of_a_provider_that_is_stated_no_more_is_none(world: World) -> None:
    world.sign_in()
    (id,) = world.sessions.held
    world.sessions.held[id] = replace(world.sessions.held[id], provider="former")
    assert world.client.get(RECORD, headers={"Krypton-Reason": "care"}).status_code == 401
    assert (
        world.client.get("/sign-out", headers=PAGE, follow_redirects=False).headers["location"].startswith("/sign-in")
    )


def test_where_the_provider_is_away_nobody_is_sent_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: str) -> str:
        raise ProviderAway("away")

    monkeypatch.setattr(world.providers["psc"], "begin", away)
    answer = world.client.get("/sign-in/psc", headers=PAGE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    world.providers["staff"].who = ProviderAway("away")
    assert "did not answer" in world.sign_in("staff").text


def test_the_reasons_of_a_session_are_not_those_of_who_asks_next_on_the_same_connection(
    world: World, queries: Queries
) -> None:
    """A server may answer what was sent ahead where the answer before ended: in the same context."""
    world.sign_in()
    kept: list[Any] = []
    queries.before = lambda: kept.append(KEPT_REASON.get())

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        """To nobody."""

    async def both() -> None:
        for header in ({"cookie": f"{SESSION}={world.cookie()}"}, SIGNED):
            lines = {"host": "krypton.example", "krypton-reason": "x"} | header
            headers = [(name.lower().encode(), value.encode()) for name, value in lines.items()]
            told = {"type": "http", "method": "GET", "path": RECORD, "raw_path": RECORD.encode(), "query_string": b""}
            more = {"headers": headers, "scheme": "https", "client": ("127.0.0.1", 1), "http_version": "1.1"}
            await world.web.app({**told, **more, "root_path": ""}, receive, send)

    asyncio.run(both())
    of_session, of_account = kept
    assert of_session is not None
    assert of_account is None
