package ratelimit

import (
	"sync"
	"time"
)

// Limiter has one bucket for each key.
type Limiter struct {
	mu      sync.Mutex
	rate    int64
	burst   int64
	now     func() time.Time
	buckets map[string]*Bucket
}

// NewLimiter limits each key to rate a second, and burst at once.
func NewLimiter(rate, burst int64, now func() time.Time) *Limiter {
	return &Limiter{rate: rate, burst: burst, now: now, buckets: map[string]*Bucket{}}
}

// Allow says whether one more may happen for the key.
func (l *Limiter) Allow(key string) bool {
	l.mu.Lock()
	bucket, ok := l.buckets[key]
	if !ok {
		bucket = NewBucket(l.rate, l.burst, l.now)
		l.buckets[key] = bucket
	}
	l.mu.Unlock()
	return bucket.Take(1)
}

// Forget drops the keys whose buckets are full again.
func (l *Limiter) Forget() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	dropped := 0
	for key, bucket := range l.buckets {
		if bucket.Tokens() == l.burst {
			delete(l.buckets, key)
			dropped++
		}
	}
	return dropped
}
