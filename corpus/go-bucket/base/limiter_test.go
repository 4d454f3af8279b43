package ratelimit

import (
	"reflect"
	"testing"
	"time"
)

func TestKeysAreApart(t *testing.T) {
	limiter := NewLimiter(1, 1, newClock().now)
	if !limiter.Allow("a") || limiter.Allow("a") || !limiter.Allow("b") {
		t.Error("the keys share a bucket")
	}
}

func TestForgetsWhatIsFull(t *testing.T) {
	c := newClock()
	limiter := NewLimiter(1, 2, c.now)
	limiter.Allow("a")
	if got := limiter.Forget(); got != 0 {
		t.Errorf("forgot %d, want 0", got)
	}
	c.advance(2 * time.Second)
	if got := limiter.Forget(); got != 1 {
		t.Errorf("forgot %d, want 1", got)
	}
}

func TestMerge(t *testing.T) {
	got := Merge([]Interval{{5, 8}, {1, 3}, {3, 4}, {6, 7}})
	want := []Interval{{1, 4}, {5, 8}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Merge = %v, want %v", got, want)
	}
}
