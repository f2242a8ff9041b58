"""The small store, written once for all tests here."""

from __future__ import annotations

import logging
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store

#: Where stores are tested: in a local folder, in fsspec's own memory, on S3.
PLACES = ("local", "memory", "s3")


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to read and leave as it is."""
    path = tmp_path_factory.mktemp("small") / "store"
    small_store.write(path)
    return path


@pytest.fixture
def own_store(store_path: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    copy = tmp_path / "store"
    shutil.copytree(store_path, copy)
    return copy


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a bucket of an S3 service in this process."""
    import fsspec
    from moto.server import ThreadedMotoServer

    # A line for each request would bury what a failed test says.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path_factory.mktemp("aws") / "none"))
        fsspec.filesystem("s3").mkdir("stores")
        yield "s3://stores"
    server.stop()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A path or URL where a test may make a store."""
    if request.param == "local":
        return str(tmp_path / "store")
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}/store"
    return f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}/store"
