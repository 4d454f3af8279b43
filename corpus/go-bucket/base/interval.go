package ratelimit

import "sort"

// Interval is closed: both ends belong to it.
type Interval struct{ From, To int64 }

// Merge joins intervals that overlap or touch, in order.
func Merge(intervals []Interval) []Interval {
	sorted := append([]Interval(nil), intervals...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].From < sorted[j].From })
	var merged []Interval
	for _, next := range sorted {
		last := len(merged) - 1
		if last >= 0 && next.From <= merged[last].To {
			if next.To > merged[last].To {
				merged[last].To = next.To
			}
			continue
		}
		merged = append(merged, next)
	}
	return merged
}
