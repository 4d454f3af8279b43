from geo.name import label


def test_label():
    assert label(-12.5) == "12.5° W"
