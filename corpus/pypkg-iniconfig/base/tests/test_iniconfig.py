import pytest

from bundled.iniconfig import IniConfig, ParseError

TEXT = """\
[web]
port = 80
host = example.org
[cache]
size = 10
[api]
port = 8080
"""


@pytest.fixture
def config():
    return IniConfig("x.ini", TEXT)


def test_sections_come_in_the_order_of_the_file(config):
    assert [section.name for section in config] == ["web", "cache", "api"]


def test_values_come_in_the_order_of_the_file(config):
    assert list(config["web"].items()) == [("port", "80"), ("host", "example.org")]


def test_values_can_be_converted(config):
    assert config.get("api", "port", convert=int) == 8080
    assert config.get("api", "host", default="none") == "none"


def test_knows_its_sections(config):
    assert "web" in config
    assert "db" not in config


def test_says_where_a_section_stands(config):
    assert config.lineof("cache") == 4
    assert config.lineof("web", "host") == 3


def test_refuses_the_same_section_twice():
    with pytest.raises(ParseError):
        IniConfig("x.ini", "[a]\n[a]\n")


def test_a_missing_section_is_a_key_error(config):
    with pytest.raises(KeyError):
        config["db"]
