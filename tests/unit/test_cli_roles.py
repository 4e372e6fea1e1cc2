"""Who may act as what on the command line: the roles file is believed where nobody else could have written it."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from krypton import believed
from krypton.believed import believe
from krypton.cli.roles import own_roles, user_name, write_for_development
from krypton.errors import SettingsWrong
from krypton.settings import Settings


def stated(folder: Path, text: str) -> Settings:
    """Settings whose roles file says ``text``; USER stands for whoever runs this."""
    file = folder / "roles.toml"
    file.write_text(text.replace("USER", user_name()))
    file.chmod(0o644)
    folder.chmod(0o755)
    return Settings(folder)


def test_a_user_has_the_roles_and_the_site_that_the_file_states(tmp_path: Path) -> None:
    own = own_roles(stated(tmp_path, '[users."USER"]\nroles = ["clerk:chb-desk", "rpps:10101201233"]\nsite = "CHB"'))
    assert (own.roles, own.site) == (("clerk:chb-desk", "rpps:10101201233"), "CHB")


def test_a_user_whom_the_file_does_not_name_has_no_role(tmp_path: Path) -> None:
    assert own_roles(stated(tmp_path, '[users.somebody-else-entirely]\nroles = ["clerk:chb-desk"]')).roles == ()


def test_the_user_is_told_by_the_uid_and_by_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = user_name()
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else-entirely")
    assert user_name() == before


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match=r"no roles file .*roles\.toml: write one .*krypton dev up writes it"):
        own_roles(Settings(tmp_path))


@pytest.mark.parametrize("what", ["roles.toml", "."])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_a_file_that_others_may_change_is_not_believed(tmp_path: Path, what: str, mode: int) -> None:
    settings = stated(tmp_path, '[users."USER"]\nroles = ["clerk:chb-desk"]')
    path = tmp_path / what
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(SettingsWrong, match=r"others may write to .*chmod go-w"):
        own_roles(settings)


def test_a_link_that_others_may_change_is_not_believed(tmp_path: Path) -> None:
    """Who may put the link elsewhere chooses which file is read."""
    safe, open_to_all = tmp_path / "safe", tmp_path / "open"
    for folder in (safe, open_to_all):
        folder.mkdir()
    stated(safe, '[users."USER"]\nroles = ["clerk:chb-desk"]')
    (open_to_all / "roles.toml").symlink_to(safe / "roles.toml")
    open_to_all.chmod(0o777)
    with pytest.raises(SettingsWrong, match=r"others may write to .*/open, .*chmod go-w"):
        own_roles(Settings(open_to_all))


def test_a_file_of_another_user_is_not_believed(tmp_path: Path) -> None:
    settings = stated(tmp_path, '[users."USER"]\nroles = ["clerk:chb-desk"]')
    found = tmp_path.stat()
    theirs = type(found)((found.st_mode, 0, 0, 0, 4242, 0, 0, 0, 0, 0))
    with pytest.raises(SettingsWrong, match="belongs to neither root nor the owner of the state folder"):
        believe("the roles file", settings.roles, theirs, tmp_path)


def deep(folder: Path) -> tuple[Settings, Path]:
    """Settings of a state folder two folders below ``folder``, and the folder between."""
    between = folder / "above" / "krypton"
    between.mkdir(parents=True)
    return stated(between, '[users."USER"]\nroles = ["clerk:chb-desk"]'), folder / "above"


def test_a_folder_further_up_that_others_may_change_is_not_believed(tmp_path: Path) -> None:
    """Who may rename the state folder puts another in its place."""
    settings, above = deep(tmp_path)
    assert own_roles(settings).roles
    above.chmod(0o757)
    with pytest.raises(SettingsWrong, match=r"others may write to .*/above, .*chmod go-w .*/above"):
        own_roles(settings)


@pytest.mark.parametrize(("members", "is_believed"), [(set(), True), ({0}, True), ({0, 4242}, False), ({-1}, False)])
def test_a_folder_further_up_is_a_groups_only_where_nobody_else_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: set[int], is_believed: bool
) -> None:
    """A umask of 002 gives each user's folders to a group of their own."""
    settings, above = deep(tmp_path)
    above.chmod(0o775)
    monkeypatch.setattr(believed, "_members", lambda _: {os.getuid() if one == 0 else one for one in members})
    if is_believed:
        assert own_roles(settings).roles
    else:
        with pytest.raises(SettingsWrong, match=r"others may write to .*/above, "):
            own_roles(settings)


def test_the_members_of_a_group_are_those_whose_first_it_is_and_those_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = pwd.struct_passwd(("one", "x", 1001, 77, "", "", ""))
    other = pwd.struct_passwd(("other", "x", 1002, 78, "", "", ""))
    monkeypatch.setattr(pwd, "getpwall", lambda: [user, other])
    group = grp.struct_group(("ones", "x", 77, ["other", "gone"]))
    monkeypatch.setattr(grp, "getgrgid", {77: group}.__getitem__)
    assert believed._members(77) == {1001, 1002, -1}
    assert believed._members(9) == {-1}


def test_a_folder_further_up_where_nobody_takes_away_what_is_anothers_is_believed(tmp_path: Path) -> None:
    """As /tmp is."""
    settings, above = deep(tmp_path)
    above.chmod(0o1777)
    assert own_roles(settings).roles


@pytest.mark.parametrize("what", ["above", "link"])
def test_a_folder_or_a_link_further_up_of_another_user_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whose the link is puts it elsewhere, wherever it lies."""
    settings, above = deep(tmp_path)
    (tmp_path / "link").symlink_to(settings.home)
    assert own_roles(Settings(tmp_path / "link")).roles
    look = Path.lstat

    def theirs(path: Path) -> os.stat_result:
        fields = list(look(path))
        fields[4] = 4242 if path == tmp_path / what else fields[4]
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "lstat", theirs)
    with pytest.raises(SettingsWrong, match=rf"/{what} belongs to neither root nor .*chown -h root .*/{what}"):
        own_roles(Settings(tmp_path / "link"))


def test_the_folders_of_each_link_on_the_way_are_looked_at(tmp_path: Path) -> None:
    """One link leads to another, which lies where others may put a third."""
    settings, _ = deep(tmp_path)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "second").symlink_to(settings.home)
    (tmp_path / "first").symlink_to(tmp_path / "open" / "second")
    assert own_roles(Settings(tmp_path / "first")).roles
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(SettingsWrong, match=r"others may write to .*/open, "):
        own_roles(Settings(tmp_path / "first"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("users = 3", r"\[users.NAME\] names a user"),
        ("[user.USER]\nroles = []", "may say development and users"),
        ('[users."USER"]\nrole = ["clerk:x"]', "it must say roles"),
        ('[users."USER"]\nroles = "clerk:x"', "roles is a list"),
        ('[users."USER"]\nroles = ["clerk"]', "'clerk' is none of"),
        ('[users."USER"]\nroles = [["clerk:x"]]', "is none of"),
        ('[users."USER"]\nroles = ["system:relay"]', "'system:relay' is none of"),
        ('[users."USER"]\nroles = ["aet:CHB_PACS"]', "'aet:CHB_PACS' is none of"),
        ("[users", "is no TOML"),
    ],
)
def test_a_file_that_says_something_else_is_named_with_what_it_may_say(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsWrong, match=words):
        own_roles(stated(tmp_path, text))


WILD = '[users."USER"]\nroles = ["clerk:x", "rpps:*", "patient:*"]'


def test_wildcards_are_for_development_alone(tmp_path: Path) -> None:
    assert own_roles(stated(tmp_path, f"development = true\n{WILD}")).roles[1:] == ("rpps:*", "patient:*")
    with pytest.raises(SettingsWrong, match="that is for development"):
        own_roles(stated(tmp_path, WILD))


def test_a_ledger_on_a_database_of_ones_own_knows_no_wildcards(tmp_path: Path) -> None:
    stated(tmp_path, f"development = true\n{WILD}")
    with pytest.raises(SettingsWrong, match="the ledger is the embedded one; name the numbers instead"):
        own_roles(Settings(tmp_path, database="postgresql://u@127.0.0.1/k"))


def test_development_gives_its_user_every_role_and_overwrites_no_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o775)  # as a umask of 002 makes it
    assert write_for_development(Settings(home))
    schemes = {own.partition(":")[0] for own in own_roles(Settings(home)).roles}
    assert schemes == {"operator", "clerk", "auditor", "service", "rpps", "patient"}
    before = (home / "roles.toml").read_text()
    (home / "roles.toml").write_text("# mine\n" + before)
    assert not write_for_development(Settings(home))
    assert (home / "roles.toml").read_text() == "# mine\n" + before
