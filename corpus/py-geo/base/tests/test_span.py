from geo.span import span


def test_over_the_edge():
    assert span(170.5, -170.25) == 19.25
