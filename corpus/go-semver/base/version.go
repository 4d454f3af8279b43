// Package semver reads and orders versions as semver.org 2.0.0 says.
package semver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrInvalid is what every error of Parse is.
var ErrInvalid = errors.New("invalid version")

// Version is MAJOR.MINOR.PATCH with an optional pre-release and build.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 []string
	Build               string
}

// Parse reads a version, with or without a leading v.
func Parse(text string) (Version, error) {
	rest := strings.TrimPrefix(text, "v")
	rest, build, _ := strings.Cut(rest, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return Version{}, fmt.Errorf("%w: %q has %d parts", ErrInvalid, text, len(parts))
	}
	var numbers [3]uint64
	for i, part := range parts {
		number, err := strconv.ParseUint(part, 10, 64)
		if err != nil || (len(part) > 1 && part[0] == '0') {
			return Version{}, fmt.Errorf("%w: %q in %q", ErrInvalid, part, text)
		}
		numbers[i] = number
	}
	version := Version{Major: numbers[0], Minor: numbers[1], Patch: numbers[2], Build: build}
	if hasPre {
		version.Pre = strings.Split(pre, ".")
		for _, identifier := range version.Pre {
			if identifier == "" {
				return Version{}, fmt.Errorf("%w: an empty identifier in %q", ErrInvalid, text)
			}
		}
	}
	return version, nil
}

// String is the version as Parse reads it.
func (v Version) String() string {
	text := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if len(v.Pre) > 0 {
		text += "-" + strings.Join(v.Pre, ".")
	}
	if v.Build != "" {
		text += "+" + v.Build
	}
	return text
}
