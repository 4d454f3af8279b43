package ratelimit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func TestStartsFull(t *testing.T) {
	bucket := NewBucket(10, 5, newClock().now)
	if !bucket.Take(5) {
		t.Fatal("a new bucket is not full")
	}
	if bucket.Take(1) {
		t.Fatal("an empty bucket gave a token")
	}
}

func TestRefillsEverySecond(t *testing.T) {
	c := newClock()
	bucket := NewBucket(2, 10, c.now)
	bucket.Take(10)
	c.advance(3 * time.Second)
	if got := bucket.Tokens(); got != 6 {
		t.Errorf("after 3 s: %d tokens, want 6", got)
	}
}

func TestRefillsWithinASecond(t *testing.T) {
	c := newClock()
	bucket := NewBucket(10, 10, c.now)
	bucket.Take(10)
	c.advance(500 * time.Millisecond)
	if got := bucket.Tokens(); got != 5 {
		t.Errorf("after 0.5 s: %d tokens, want 5", got)
	}
}

func TestIsNeverFullerThanFull(t *testing.T) {
	c := newClock()
	bucket := NewBucket(10, 5, c.now)
	c.advance(time.Minute)
	if got := bucket.Tokens(); got != 5 {
		t.Errorf("%d tokens in a bucket for 5", got)
	}
}

func TestManyAtOnceTakeNoMoreThanThereIs(t *testing.T) {
	bucket := NewBucket(1, 100, newClock().now)
	var taken int64
	var group sync.WaitGroup
	for i := 0; i < 200; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if bucket.Take(1) {
				atomic.AddInt64(&taken, 1)
			}
		}()
	}
	group.Wait()
	if taken != 100 {
		t.Errorf("%d tokens taken of 100", taken)
	}
}
