package semver

import "strings"

// Compare is -1, 0 or 1; builds don't count.
func Compare(a, b Version) int {
	if c := compareNumbers(a.Major, b.Major); c != 0 {
		return c
	}
	if c := compareNumbers(a.Minor, b.Minor); c != 0 {
		return c
	}
	if c := compareNumbers(a.Patch, b.Patch); c != 0 {
		return c
	}
	return comparePre(a.Pre, b.Pre)
}

// comparePre orders pre-releases: none is higher than any.
func comparePre(a, b []string) int {
	switch {
	case len(a) == 0 && len(b) == 0:
		return 0
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	for i := 0; i < len(a) && i < len(b); i++ {
		if c := compareIdentifiers(a[i], b[i]); c != 0 {
			return c
		}
	}
	return compareNumbers(uint64(len(a)), uint64(len(b)))
}

func compareIdentifiers(a, b string) int {
	return strings.Compare(a, b)
}

func compareNumbers(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
