package constraint

import (
	"testing"

	"example.com/semver"
)

func versions(t *testing.T, texts ...string) []semver.Version {
	t.Helper()
	var all []semver.Version
	for _, text := range texts {
		version, err := semver.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, version)
	}
	return all
}

func TestHolds(t *testing.T) {
	constraints, err := Parse(">=1.2.0, <2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range versions(t, "1.2.0", "1.9.9") {
		if !holdsAll(constraints, version) {
			t.Errorf("%s is not wanted", version)
		}
	}
	for _, version := range versions(t, "1.1.9", "2.0.0") {
		if holdsAll(constraints, version) {
			t.Errorf("%s is wanted", version)
		}
	}
}

func TestHighest(t *testing.T) {
	constraints, err := Parse(">=1.0.0-rc.1")
	if err != nil {
		t.Fatal(err)
	}
	got, ok := Highest(versions(t, "1.0.0-rc.9", "1.0.0-rc.10", "0.9.0"), constraints)
	if !ok || got.String() != "1.0.0-rc.10" {
		t.Errorf("Highest = %s, %t", got, ok)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"1.2.3", ">=1.2", ""} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) gave no error", text)
		}
	}
}
