// Package ratelimit limits how often something happens.
package ratelimit

import (
	"sync"
	"time"
)

// Bucket holds up to capacity tokens, and gains rate of them a second.
type Bucket struct {
	mu       sync.Mutex
	rate     int64
	capacity int64
	tokens   int64
	at       time.Time
	now      func() time.Time
}

// NewBucket is a full bucket; now is the clock, or nil for the machine's.
func NewBucket(rate, capacity int64, now func() time.Time) *Bucket {
	if now == nil {
		now = time.Now
	}
	return &Bucket{rate: rate, capacity: capacity, tokens: capacity, at: now(), now: now}
}

// Take takes n tokens if they are there, and none otherwise.
func (b *Bucket) Take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if n > b.tokens {
		return false
	}
	b.tokens -= n
	return true
}

// Tokens is how many there are now.
func (b *Bucket) Tokens() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	return b.tokens
}

// refill adds what was gained since the last time, as whole tokens.
func (b *Bucket) refill() {
	elapsed := b.now().Sub(b.at)
	gained := int64(elapsed/time.Second) * b.rate
	if gained <= 0 {
		return
	}
	b.at = b.now()
	b.tokens += gained
	if b.tokens > b.capacity {
		b.tokens = b.capacity
	}
}
