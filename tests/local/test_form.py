"""Forms, as clients write them."""

from __future__ import annotations

import pytest
import urllib3

from wattnet.local._clickhouse_http._form import read_form

ODD = 'it\'s\r\n\r\n--\r\n"quoted" \N{WHITE SMILING FACE}\n--b-\r\n'


def test_fields_come_through_as_they_are() -> None:
    fields = {"query": "SELECT 1", "param_empty": "", "param_odd": ODD, "param_ü": "x", "filename": "name=1"}
    body, _ = urllib3.encode_multipart_formdata(fields, boundary="b")
    assert read_form(body, "b") == list(fields.items())
    body, _ = urllib3.encode_multipart_formdata({"a": "x"}, boundary="b")
    assert read_form(b"before the first boundary\r\n" + body + b"behind the last", "b") == [("a", "x")]


@pytest.mark.parametrize(
    ("body", "boundary", "words"),
    [
        (urllib3.encode_multipart_formdata({"t": ("t.csv", b"1")}, boundary="b")[0], "b", "external tables"),
        (urllib3.encode_multipart_formdata({"a": "1"}, boundary="b")[0][:-6], "b", "no end"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--\r\n", "b", "no name"),
        (b"--b--\r\n", None, "no boundary"),
        (b"", "b", "no end"),
    ],
)
def test_what_is_no_form_of_fields_is_refused(body: bytes, boundary: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_form(body, boundary)
