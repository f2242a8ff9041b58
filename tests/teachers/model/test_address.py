"""What `--teacher` says of a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.address import Address, AddressError, is_here, parse_address


@pytest.mark.parametrize(
    ("text", "url", "model"),
    [
        ("openai:http://localhost:8000/v1#llama", "http://localhost:8000/v1", "llama"),
        ("openai:http://localhost:8000/v1/#llama", "http://localhost:8000/v1", "llama"),
        ("openai:http://localhost:8000#llama", "http://localhost:8000/v1", "llama"),
        ("openai:HTTPS://API.Example.com/V1#m", "https://api.example.com/V1", "m"),
        ("openai:https://h/v1/chat/completions#m", "https://h/v1", "m"),
        ("openai:http://[::1]:80/v1#m", "http://[::1]:80/v1", "m"),
        ("  openai:http://h/v1#org/model:tag \n", "http://h/v1", "org/model:tag"),
        ("openai:http://h/api/v2#a#b", "http://h/api/v2", "a#b"),
        ("vllm:Qwen/Qwen3-8B", None, "Qwen/Qwen3-8B"),
        ("vllm:/models/my model", None, "/models/my model"),
    ],
)
def test_addresses_are_read(text: str, url: str | None, model: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert (address.url, address.model) == (url, model)
    assert address.kind == ("vllm" if url is None else "openai")
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["rules", "", "openai", "vllm", "http://h/v1#m", "OPENAI:x"])
def test_what_is_no_model_is_left_to_others(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "openai:",
        "openai:llama",
        "openai:#llama",
        "openai:http://h/v1",
        "openai:http://h/v1#",
        "openai:http://h/v1# \t",
        "openai:ftp://h/v1#m",
        "openai:file:///etc/passwd#m",
        "openai:http:///v1#m",
        "openai:http://h:99999/v1#m",
        "openai:http://h:0/v1#m",
        "openai:http://h:port/v1#m",
        "openai:http://[::1/v1#m",
        "openai:http://h /v1#m",
        "openai:http://h\n/v1#m",
        "openai:http://h/v1#a\x1b[31mb",
        "openai:http://h/v1#--trust-remote-code",
        "openai:http://" + "h" * 3000 + "#m",
        "vllm:",
        "vllm:--port",
        "vllm:a\nb",
        "vllm:" + "m" * 3000,
    ],
)
def test_wrong_addresses_say_what_to_write(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    line = str(caught.value)
    assert "write openai:URL#MODEL" in line or "write vllm:MODEL" in line
    assert line.isprintable()
    assert len(line) < 400


@pytest.mark.parametrize(
    "text",
    [
        "openai:http://user:hunter2@h/v1#m",
        "openai:http://hunter2@h/v1#m",
        "openai:http://user:hunter2@h:99999/v1#m",
        "openai:http://user:hunter2 @h/v1#m",
        "openai:http://user:hunter2@h/v1",
        "openai:https://h/v1?api-key=hunter2#m",
        "openai:https://h/v1?api-key=hunter2",
        "openai:ftp://h/v1?hunter2#m",
    ],
)
def test_secrets_in_addresses_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(max_size=60), st.sampled_from(["openai:", "vllm:", "openai:http://", ""]))
def test_any_text_is_an_address_or_refused_in_one_line(text: str, start: str) -> None:
    try:
        address = parse_address(start + text)
    except AddressError as error:
        assert str(error).isprintable()
        return
    if address is not None:
        assert isinstance(address, Address)
        assert address.model.strip()
        assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://127.0.0.1:8000/v1", True), ("http://127.8.9.1/v1", True),
     ("http://[::1]:80/v1", True), ("http://LOCALHOST/v1", True),
     ("http://localhost.example.com/v1", False), ("http://10.0.0.1/v1", False),
     ("https://api.openai.com/v1", False), ("http://0.0.0.0/", False)],
)  # fmt: skip
def test_whether_a_server_is_here(url: str, here: bool) -> None:
    assert is_here(url) is here
