from settings import slugify


def test_slugs_are_plain():
    assert slugify("Crème brûlée, twice!") == "creme-brulee-twice"


def test_slugs_are_cut_between_words():
    assert slugify("one two three", max_length=8) == "one-two"
