"""A store that nobody lets us into, or that is not there, is said in one line by whatever opens or
writes one; a bucket that is not there is not made."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import small_store

from tracemine.store import RequestError, Store, begin, compact, fsck, gc, open_snapshot
from tracemine.store.location import Location
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.stored import pin

ACTIONS: dict[str, Callable[[str], object]] = {
    "read": Store.open,
    "check": fsck,
    "fold": compact,
    "collect": lambda store: gc(store, 1, grace_hours=0),
    "write": begin,
    "add": lambda store: begin(store, refresh=True),
    "know": pin,
}
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

#: Sets who asks from now on: a key and a secret, or nobody.
Become = Callable[[tuple[str, str] | None], None]


@pytest.fixture
def become(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Become]:
    """A client remembers with which credentials it was made."""
    import s3fs

    def change(keys: tuple[str, str] | None) -> None:
        s3fs.S3FileSystem.clear_instance_cache()
        for name, value in zip(KEYS, keys or ("", ""), strict=True):
            if keys:
                monkeypatch.setenv(name, value)
            else:
                monkeypatch.delenv(name)

    # Else a machine in the cloud would find credentials of its own.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    yield change
    monkeypatch.undo()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def store(bucket: str) -> str:
    """A store of two snapshots in the bucket."""
    url = f"{bucket}/{uuid.uuid4().hex}/store"
    small_store.write(url)
    small_store.add(url)
    return url


def refused(action: Callable[[], object], *words: str) -> None:
    with pytest.raises(RequestError) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_without_credentials(store: str, become: Become) -> None:
    become(None)
    for action in ACTIONS.values():
        refused(lambda action=action: action(store), store, "AWS_PROFILE")
    refused(lambda: resolve_inputs([f"{store}/*.jsonl"]), "credentials")


def test_a_bucket_that_is_not_there_is_not_made(bucket: str) -> None:
    url = f"s3://nobody-made-this-{uuid.uuid4().hex}/store"
    for action in ACTIONS.values():
        refused(lambda action=action: action(url), url, "there is no bucket nobody-made-this")
    assert Location.of(bucket).fs.ls("") == ["stores"]
    refused(lambda: Store.open("s3://"), "it names no bucket")
    refused(lambda: Store.open(f"{bucket}/nothing/here"), "no store at", "nothing/here")


def test_nobody_answers(become: Become, monkeypatch: pytest.MonkeyPatch) -> None:
    become(("test", "test"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    refused(lambda: Store.open("s3://stores/x"), "s3://stores/x", "Could not connect")


def test_nothing_is_installed_that_reads_it() -> None:
    refused(lambda: Store.open("abc://x/y"), "cannot use the store abc://x/y", "abc")


@pytest.fixture
def user(bucket: str) -> Iterator[Callable[..., tuple[str, str]]]:
    """Makes a user who may do these actions, though none with what a pattern names; from then on
    the server looks at who asks."""
    import boto3

    client = boto3.client("iam")
    endpoint = os.environ["AWS_ENDPOINT_URL"]

    def let_through(requests: bytes) -> None:
        """How many requests are served without a look at who asks."""
        url, kind = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        with urlopen(Request(url, requests, kind, method="POST")):
            pass

    def make(actions: str, never: str = "arn:aws:s3:::none") -> tuple[str, str]:
        name = uuid.uuid4().hex
        client.create_user(UserName=name)
        statements = [
            {"Effect": "Allow", "Action": actions.split(), "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": never},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy)
        key = client.create_access_key(UserName=name)["AccessKey"]
        let_through(b"0")
        return key["AccessKeyId"], key["SecretAccessKey"]

    yield make
    let_through(b"inf")


@pytest.mark.parametrize(
    ("actions", "words", "reads"),
    [
        ("s3:GetBucketTagging", "these credentials may not list what is there", False),
        ("s3:ListBucket", "Forbidden", False),
        ("s3:ListBucket s3:GetObject", "Access Denied", True),
    ],
)
def test_who_may_do_little(
    store: str,
    actions: str,
    words: str,
    reads: bool,
    become: Become,
    user: Callable[..., tuple[str, str]],
) -> None:
    become(user(actions))
    for name, action in ACTIONS.items():
        if reads and name in ("check", "know"):
            continue  # As "read", over more files: each request takes the server its time.
        if reads and name == "read":
            action(store)
        elif reads and name == "write":
            refused(lambda action=action: action(store), "already holds a store")
        else:
            refused(lambda action=action: action(store), store, words)


def test_a_wrong_key(store: str, become: Become, user: Callable[..., tuple[str, str]]) -> None:
    user("s3:*")
    become(("AKIANOBODY", "secret"))
    refused(lambda: Store.open(store), "does not exist in our records")


def test_a_file_that_may_not_be_read_is_named(
    store: str, become: Become, user: Callable[..., tuple[str, str]]
) -> None:
    with open_snapshot(store) as snapshot:
        paths = [entry["path"] for entry in snapshot.manifest["files"]]
    (path, *_) = (path for path in paths if "/spans/" in path)
    arn = f"arn:aws:s3:::{store.removeprefix('s3://')}/{path}"
    become(user("s3:ListBucket s3:GetObject", arn))
    refused(lambda: Store.open(store), path, "cannot be read (Forbidden)")
    assert f"{path} cannot be read (Forbidden)" in fsck(store)


def test_a_file_that_cannot_be_read_is_a_finding(own_store: Path) -> None:
    folder = own_store / "policy.toml"
    folder.unlink()
    folder.mkdir()
    assert fsck(str(own_store)) == ["policy.toml cannot be read (Is a directory)"]
