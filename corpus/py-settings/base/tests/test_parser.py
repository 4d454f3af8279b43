import pytest

from settings import ParseError, dump, parse


def test_reads_sections():
    text = "name = web\n[server]\nhost = \"example.org\"\nport = 8080\n"
    assert parse(text) == {"": {"name": "web"}, "server": {"host": "example.org", "port": 8080}}


def test_comments_end_the_line():
    assert parse("port = 80  # the usual one\n# nothing else\n") == {"": {"port": 80}}


def test_a_hash_in_quotes_is_kept():
    assert parse('colour = "#ff0000"\n') == {"": {"colour": "#ff0000"}}


def test_a_comment_after_a_hash_in_quotes():
    assert parse('title = "C# in depth"  # a book\n') == {"": {"title": "C# in depth"}}


def test_reads_lists_and_flags():
    assert parse("ports = [80, 443]\ndebug = true\n") == {"": {"ports": [80, 443], "debug": True}}


def test_dump_is_read_back():
    sections = {"": {"a": 1}, "b": {"c": "text", "d": [1, 2]}}
    assert parse(dump(sections)) == sections


@pytest.mark.parametrize("text", ["[server\n", "no value\n", "x = [1, 2\n"])
def test_errors_name_their_line(text):
    with pytest.raises(ParseError, match="line 1"):
        parse(text)


def test_the_last_of_two_keys_counts():
    assert parse("a = 1\na = 2\n") == {"": {"a": 2}}
