"""Signed notes, checkpoints and cosignatures: as other tools write them, and as none of them would."""

import base64
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from adapters.notary import keys
from adapters.notary.keys import (
    KeyUnusable,
    SignatureWrong,
    SigningKey,
    cosigned_by_all,
    cosigners,
    verified_checkpoint,
    verify,
)
from domain.proofs.merkle import EMPTY_ROOT
from domain.proofs.note import (
    COSIGNATURE,
    Checkpoint,
    NotANote,
    Note,
    checkpoint_of,
    parse,
    parse_many,
    verifier_key,
)

# The example of golang.org/x/mod/sumdb/note: key, text and signature.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of C2SP tlog-cosignature.
COSIGNED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 \
jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
COSIGNATURE_LINE = (
    "63YswgAAAABkGFDLZj699wfczgkmriAOU6WnXpynGqLWVgl4gg4KUFPj/jJmrvcZBh+bJfH+m4kIRZOLwFpJD7HJy9AAs1QGoxp8Ag=="
)
HEAD = Checkpoint("log.example/ledger", 7, bytes(range(32)))


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.new("log.example/ledger")


def signed(head: Checkpoint, key: SigningKey) -> Note:
    return Note(head.text(), (key.sign(head.text()),))


def test_a_note_that_go_signed_verifies() -> None:
    verify(parse(GO_NOTE), verifier_key(GO_PUBLIC))


def test_a_key_file_of_gos_signs_as_go_does(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(GO_PRIVATE + "\n")
    file.chmod(0o600)
    go = keys.load(file)
    assert Note(GO_TEXT, (go.sign(GO_TEXT),)).format() == GO_NOTE
    assert go.verifier.format() == GO_PUBLIC


def test_the_cosigned_example_of_c2sp_is_read_whole() -> None:
    note = parse(COSIGNED)
    assert note.format() == COSIGNED
    assert checkpoint_of(note.text).size == 20852163
    assert int.from_bytes(note.signatures[1].blob[:8], "big") == 1679315147


def test_a_checkpoint_is_three_lines() -> None:
    root = base64.b64encode(bytes(range(32))).decode()
    assert HEAD.text() == f"log.example/ledger\n7\n{root}\n"


@given(st.integers(0, 2**60), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_as_written(size: int, root: bytes) -> None:
    head = Checkpoint("log.example/ledger", size, root)
    assert checkpoint_of(head.text()) == head


def test_a_signed_checkpoint_verifies_with_the_logs_public_key(key: SigningKey) -> None:
    note = parse(signed(HEAD, key).format())
    assert verified_checkpoint(note, verifier_key(key.verifier.format())) == HEAD


def test_a_changed_checkpoint_does_not_verify(key: SigningKey) -> None:
    changed = signed(HEAD, key).format().replace("\n7\n", "\n8\n")
    with pytest.raises(SignatureWrong, match="is not valid"):
        verified_checkpoint(parse(changed), key.verifier)


def test_a_checkpoint_signed_by_somebody_else_under_the_same_name_does_not_verify(key: SigningKey) -> None:
    with pytest.raises(SignatureWrong, match="not signed by"):
        verified_checkpoint(signed(HEAD, SigningKey.new(key.name)), key.verifier)


def test_a_checkpoint_of_another_log_does_not_verify(key: SigningKey) -> None:
    with pytest.raises(SignatureWrong, match=r"is of log other\.example"):
        verified_checkpoint(signed(Checkpoint("other.example", 7, EMPTY_ROOT), key), key.verifier)


def test_signed_text_that_is_no_checkpoint_is_none(key: SigningKey) -> None:
    with pytest.raises(SignatureWrong, match="but not a checkpoint"):
        verified_checkpoint(Note("hello\n", (key.sign("hello\n"),)), key.verifier)


def test_a_witness_says_when_it_cosigned(key: SigningKey) -> None:
    witness = SigningKey.new("witness.example/w1", COSIGNATURE)
    note = parse(signed(HEAD, key).signed_also([witness.cosign(HEAD.text(), 1_700_000_000)]).format())
    assert verify(note, verifier_key(witness.verifier.format())) == 1_700_000_000
    other = SigningKey.new("w2", COSIGNATURE).verifier
    assert cosigners(note, [witness.verifier, other]) == {"witness.example/w1": 1_700_000_000}
    with pytest.raises(SignatureWrong, match="w2 did not cosign"):
        cosigned_by_all(note, [witness.verifier, other])


def test_a_cosignature_is_the_known_one() -> None:
    """C2SP tlog-cosignature, type 4, put together from the standard's words alone; key of RFC 8032 §7.1, test 1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    name, at_s, text = "witness.example/w1", 1_679_315_147, HEAD.text()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    signed = private.sign(b"cosignature/v1\ntime 1679315147\n" + text.encode())
    line = base64.b64encode(key_id + at_s.to_bytes(8, "big") + signed).decode()
    assert line == COSIGNATURE_LINE
    witness = SigningKey(name, COSIGNATURE, private)
    assert witness.cosign(text, at_s).line() == f"— {name} {line}\n"
    key = f"{name}+{key_id.hex()}+{base64.b64encode(bytes([4]) + public).decode()}"
    assert verify(parse(f"{text}\n— {name} {line}\n"), verifier_key(key)) == at_s


def test_a_cosignature_of_another_time_does_not_verify(key: SigningKey) -> None:
    witness = SigningKey.new("witness.example/w1", COSIGNATURE)
    made = witness.cosign(HEAD.text(), 1_700_000_000)
    forged = type(made)(made.name, made.key_id, (1_800_000_000).to_bytes(8, "big") + made.blob[8:])
    with pytest.raises(SignatureWrong):
        verify(Note(HEAD.text(), (forged,)), witness.verifier)


def test_a_signature_that_is_there_already_is_not_added(key: SigningKey) -> None:
    note = signed(HEAD, key)
    assert note.signed_also(note.signatures) == note


WRONG_NOTES = {
    "no signature": "text\n\n",
    "no empty line": "text\n— name AAAAAAAA\n",
    "no text": "\n— name AAAAAAAA\n",
    "a tab": "te\txt\n\n— name AAAAAAAA\n",
    "no newline at the end": "text\n\n— name AAAAAAAA",
    "a hyphen for the dash": "text\n\n- name AAAAAAAA\n",
    "no base64": "text\n\n— name ????\n",
    "too short": "text\n\n— name AAAA\n",
    "a plus in the name": "text\n\n— na+me AAAAAAAA\n",
    "101 signatures": "text\n\n" + "— name AAAAAAAA\n" * 101,
}


@pytest.mark.parametrize("content", WRONG_NOTES.values(), ids=WRONG_NOTES)
def test_what_is_no_note_is_refused(content: str) -> None:
    with pytest.raises(NotANote):
        parse(content)


ROOT = base64.b64encode(bytes(32)).decode()
WRONG_CHECKPOINTS = (
    "",
    "o\n7\n",
    f"\n7\n{ROOT}\n",
    f"o\n07\n{ROOT}\n",
    f"o\n-7\n{ROOT}\n",
    f"o\n7\n{ROOT}",
    "o\n7\nAAAA\n",
    f"o\n7\n{ROOT}\nmore\n",
)


@pytest.mark.parametrize("text", WRONG_CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NotANote):
        checkpoint_of(text)


WRONG_KEYS = ("", "name", "name+00000000+AAAA", GO_PUBLIC.replace("c74f20a3", "c74f20a4"), "a b+c74f20a3+AAAA")


@pytest.mark.parametrize("text", WRONG_KEYS)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NotANote):
        verifier_key(text)


def test_kept_notes_are_read_one_after_the_other(key: SigningKey) -> None:
    """With or without an empty line between, as people append them to a file."""
    first, second = signed(HEAD, key), signed(Checkpoint(HEAD.origin, 9, EMPTY_ROOT), key)
    assert parse_many(first.format() + second.format()) == [first, second]
    assert parse_many(first.format() + "\n" + second.format()) == [first, second]


def test_a_key_is_stored_for_its_owner_alone_and_never_over_another(tmp_path: Path, key: SigningKey) -> None:
    file = tmp_path / "new" / "key"
    key.store(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.load(file).verifier == key.verifier
    with pytest.raises(FileExistsError):
        key.store(file)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, key: SigningKey) -> None:
    file = tmp_path / "key"
    key.store(file)
    file.chmod(0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        keys.load(file)


@pytest.mark.parametrize("content", ["", "PRIVATE+KEY+a+b", GO_PRIVATE.replace("c74f20a3", "c74f20a4"), GO_PUBLIC])
def test_a_damaged_key_file_is_not_used_and_not_quoted(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyUnusable) as refused:
        keys.load(file)
    assert not content or content not in str(refused.value)


def test_a_key_does_not_show_its_secret(key: SigningKey) -> None:
    assert "private" not in repr(key)
