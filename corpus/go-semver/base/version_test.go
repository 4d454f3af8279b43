package semver

import (
	"errors"
	"testing"
)

func mustParse(t *testing.T, text string) Version {
	t.Helper()
	version, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func TestParse(t *testing.T) {
	for _, text := range []string{"1.2.3", "0.0.1-alpha.1", "10.20.30-rc.1+build.5"} {
		if got := mustParse(t, text).String(); got != text {
			t.Errorf("Parse(%q).String() = %q", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "1.2", "1.2.x", "01.2.3", "1.2.3-a..b"} {
		if _, err := Parse(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("Parse(%q) gave %v", text, err)
		}
	}
}

func TestCompare(t *testing.T) {
	cases := []struct {
		name string
		a, b string
		want int
	}{
		{"major", "2.0.0", "1.9.9", 1},
		{"minor as a number", "1.2.0", "1.10.0", -1},
		{"build does not count", "1.0.0+a", "1.0.0+b", 0},
		{"release after pre-release", "1.0.0", "1.0.0-rc.1", 1},
		{"letters", "1.0.0-alpha", "1.0.0-beta", -1},
		{"numbers in a pre-release", "1.0.0-rc.2", "1.0.0-rc.10", -1},
		{"more identifiers", "1.0.0-alpha", "1.0.0-alpha.1", -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Compare(mustParse(t, c.a), mustParse(t, c.b)); got != c.want {
				t.Errorf("Compare(%s, %s) = %d, want %d", c.a, c.b, got, c.want)
			}
		})
	}
}
