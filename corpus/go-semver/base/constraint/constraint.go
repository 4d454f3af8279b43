// Package constraint says which versions are wanted.
package constraint

import (
	"fmt"
	"sort"
	"strings"

	"example.com/semver"
)

// Constraint is one comparison, as `>=1.2.3`.
type Constraint struct {
	op      string
	version semver.Version
}

var operators = []string{">=", "<=", ">", "<", "="}

// Parse reads comparisons separated by commas; all have to hold.
func Parse(text string) ([]Constraint, error) {
	var all []Constraint
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		found := ""
		for _, op := range operators {
			if strings.HasPrefix(part, op) {
				found = op
				break
			}
		}
		if found == "" {
			return nil, fmt.Errorf("no operator in %q", part)
		}
		version, err := semver.Parse(strings.TrimSpace(strings.TrimPrefix(part, found)))
		if err != nil {
			return nil, err
		}
		all = append(all, Constraint{op: found, version: version})
	}
	return all, nil
}

// Holds says whether a version is wanted.
func (c Constraint) Holds(version semver.Version) bool {
	order := semver.Compare(version, c.version)
	switch c.op {
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case "<":
		return order < 0
	}
	return order == 0
}

// Highest is the highest of the versions for which all constraints hold.
func Highest(versions []semver.Version, constraints []Constraint) (semver.Version, bool) {
	wanted := make([]semver.Version, 0, len(versions))
	for _, version := range versions {
		if holdsAll(constraints, version) {
			wanted = append(wanted, version)
		}
	}
	sort.Slice(wanted, func(i, j int) bool { return semver.Compare(wanted[i], wanted[j]) < 0 })
	if len(wanted) == 0 {
		return semver.Version{}, false
	}
	return wanted[len(wanted)-1], true
}

func holdsAll(constraints []Constraint, version semver.Version) bool {
	for _, c := range constraints {
		if !c.Holds(version) {
			return false
		}
	}
	return true
}
